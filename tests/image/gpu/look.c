/* What a job sees of GPUs, in words: opens libcuda.so.1 and libnvidia-ml.so.1 as any CUDA program does, and prints a
 * line for each library and each device. No stand-in: it knows nothing of where the libraries come from.
 */
#include <dlfcn.h>
#include <stdio.h>

typedef int (*number_fn)(int *);

static void *open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    printf("%s: %s\n", name, library ? "opened" : dlerror());
    return library;
}

static void look_at_cuda(void *library)
{
    int (*init)(unsigned) = (int (*)(unsigned))dlsym(library, "cuInit");
    int (*count)(int *) = (number_fn)dlsym(library, "cuDeviceGetCount");
    int (*uuid)(unsigned char *, int) = (int (*)(unsigned char *, int))dlsym(library, "cuDeviceGetUuid_v2");
    int devices = 0, error = init(0);
    printf("cuInit: %d\n", error);
    if (error || count(&devices))
        return;
    for (int i = 0; i < devices; i++) {
        unsigned char id[16] = {0};
        uuid(id, i);
        printf("cuda device: ");
        for (int j = 0; j < 16; j++)
            printf("%s%02x", j == 4 || j == 6 || j == 8 || j == 10 ? "-" : "", id[j]);
        printf("\n");
    }
}

static void look_at_nvml(void *library)
{
    int (*init)(void) = (int (*)(void))dlsym(library, "nvmlInit_v2");
    int (*count)(int *) = (number_fn)dlsym(library, "nvmlDeviceGetCount_v2");
    int devices = 0, error = init();
    printf("nvmlInit: %d\n", error);
    if (!error && !count(&devices))
        printf("nvml devices: %d\n", devices);
}

int main(void)
{
    void *cuda = open_library("libcuda.so.1"), *nvml = open_library("libnvidia-ml.so.1");
    if (cuda)
        look_at_cuda(cuda);
    if (nvml)
        look_at_nvml(nvml);
    return 0;
}
