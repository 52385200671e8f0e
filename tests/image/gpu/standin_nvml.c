/* Stands in for NVIDIA's libnvidia-ml.so.1 (NVML) on machines without a GPU: no driver is asked, machine.h says what
 * it plays. It has the functions that pynvml and HTCondor call, with NVML's numbers, layouts and texts.
 *
 * Handles are numbers: a device's place in the file, and below it an instance's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "machine.h"

enum {
    OK, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 6, INSUFFICIENT_SIZE,
    DRIVER_NOT_LOADED = 9, FUNCTION_NOT_FOUND = 13, GPU_IS_LOST = 15, UNKNOWN = 999
};
enum { SAMPLES = 120, SAMPLES_PER_S = 6, UTILISATION = 37, USED_MIB = 550, CLOCK_MHZ = 1980 };
static const unsigned long long MIB = 1 << 20;

typedef uintptr_t handle;
struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct pci { char legacy[16]; unsigned domain, bus, device, device_id, subsystem_id; char bus_id[32]; };
struct attributes { unsigned units, engines[5], gi_slices, ci_slices; unsigned long long memory_mib; };
struct sample { unsigned long long at_us; union { unsigned number; unsigned long long whole; } value; };
struct utilisation { unsigned gpu, memory; };

static int initialised;

const char *nvmlErrorString(int error)
{
    static const char *const text[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded",
        "Timeout", "Interrupt Request Issue", "NVML Shared Library Not Found", "Function Not Found",
        "Corrupted infoROM", "GPU is lost", "GPU requires reset", "GPU access blocked by the operating system",
        "Driver/library version mismatch",
    };
    return error >= 0 && error < (int)(sizeof text / sizeof *text) ? text[error] : "Unknown Error";
}

/* As the real one: no node, no driver; not allowed to open it; taken away by the device cgroup. */
static int of_node(int error)
{
    return error == 0 ? OK : error == ENOENT ? DRIVER_NOT_LOADED : error == EACCES ? NO_PERMISSION : UNKNOWN;
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    const struct machine *machine = the_machine();
    if (!machine->loaded)
        return DRIVER_NOT_LOADED;
    int error = or_hang(machine->nvml_init);
    if (!error && machine->nodes != IGNORED)
        error = of_node(node_error("/dev/nvidiactl"));
    initialised += !error;
    return error;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlInit(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void)
{
    if (!initialised)
        return UNINITIALIZED;
    initialised--;
    return OK;
}

static int say(char *to, unsigned length, const char *text)
{
    if (!initialised)
        return UNINITIALIZED;
    return snprintf(to, length, "%s", text) < (int)length ? OK : INSUFFICIENT_SIZE;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) { return say(version, length, the_machine()->driver); }

int nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
    char text[TEXT + 16];
    snprintf(text, sizeof text, "%d.%s", the_machine()->cuda / 1000, the_machine()->driver);
    return say(version, length, text);
}

int nvmlSystemGetCudaDriverVersion(int *version)
{
    *version = the_machine()->cuda;
    return OK;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

/* Whether NVML counts it: one whose node is not in the container is not there, and see `nodes` in machine.h. */
static bool counted(const struct machine *machine, const struct device *device)
{
    int error = gpu_node_error(machine, device);
    return !error || (machine->nodes == REFUSED && error != ENOENT);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    const struct machine *machine = the_machine();
    if (!initialised)
        return UNINITIALIZED;
    *count = 0;
    for (unsigned i = 0; i < machine->devices; i++)
        *count += counted(machine, &machine->device[i]);
    return or_hang(machine->nvml_count);
}

int nvmlDeviceGetCount(unsigned *count) { return nvmlDeviceGetCount_v2(count); }

static int give(const struct machine *machine, unsigned place, handle *to)
{
    const struct device *device = &machine->device[place];
    int error = gpu_node_error(machine, device);
    *to = (handle)(place + 1) << 8;
    return error ? of_node(error) : or_hang(device->handle);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle *to)
{
    const struct machine *machine = the_machine();
    if (!initialised)
        return UNINITIALIZED;
    for (unsigned i = 0; i < machine->devices; i++)
        if (counted(machine, &machine->device[i]) && index-- == 0)
            return give(machine, i, to);
    return INVALID_ARGUMENT;
}

int nvmlDeviceGetHandleByIndex(unsigned index, handle *to) { return nvmlDeviceGetHandleByIndex_v2(index, to); }

/* The real one knows no instances here. */
int nvmlDeviceGetHandleByUUID(const char *uuid, handle *to)
{
    const struct machine *machine = the_machine();
    if (!initialised)
        return UNINITIALIZED;
    for (unsigned i = 0; i < machine->devices; i++)
        if (counted(machine, &machine->device[i]) && strcmp(uuid, machine->device[i].uuid) == 0)
            return give(machine, i, to);
    return NOT_FOUND;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, handle *to)
{
    const struct machine *machine = the_machine();
    for (unsigned i = 0; i < machine->devices; i++)
        if (counted(machine, &machine->device[i]) && strcasestr(bus_id, machine->device[i].pci))
            return give(machine, i, to);
    return NOT_FOUND;
}

/* The device, and the instance where the handle is one's; the error of every question about it. */
static int find(handle which, const struct device **device, const struct instance **instance)
{
    const struct machine *machine = the_machine();
    unsigned place = which >> 8, below = which & 0xff;
    if (!initialised)
        return UNINITIALIZED;
    if (!place)
        return INVALID_ARGUMENT;
    if (place > machine->devices || below > machine->device[place - 1].instances)
        return GPU_IS_LOST;
    *device = &machine->device[place - 1];
    *instance = below ? &(*device)->instance[below - 1] : NULL;
    return or_hang((*device)->query);
}

/* What only a whole device has; the real one answers for instances with one of these errors too. */
static int find_whole(handle which, const struct device **device)
{
    const struct instance *instance;
    int error = find(which, device, &instance);
    return error ? error : instance ? INVALID_ARGUMENT : OK;
}

int nvmlDeviceGetName(handle which, char *name, unsigned length)
{
    const struct device *device;
    const struct instance *instance;
    int error = find(which, &device, &instance);
    return error ? error : say(name, length, instance ? instance->name : device->name);
}

int nvmlDeviceGetUUID(handle which, char *uuid, unsigned length)
{
    const struct device *device;
    const struct instance *instance;
    int error = find(which, &device, &instance);
    return error ? error : say(uuid, length, instance ? instance->uuid : device->uuid);
}

int nvmlDeviceGetMemoryInfo(handle which, struct memory *memory)
{
    const struct device *device;
    const struct instance *instance;
    int error = find(which, &device, &instance);
    if (error)
        return error;
    /* As in a container that has some of a GPU's instances */
    if (!instance && device->mig == MIG_ON)
        return NO_PERMISSION;
    unsigned long long total = instance ? instance->memory_mib : device->memory_mib;
    *memory = (struct memory){total * MIB, (total - USED_MIB) * MIB, USED_MIB * MIB};
    return OK;
}

int nvmlDeviceGetMemoryInfo_v2(handle which, struct memory_v2 *memory)
{
    struct memory found;
    int error = nvmlDeviceGetMemoryInfo(which, &found);
    if (error)
        return error;
    *memory = (struct memory_v2){memory->version, found.total, found.used, found.free, 0};
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(handle which, int *major, int *minor)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (error)
        return error;
    *major = device->major_capability;
    *minor = device->minor_capability;
    return OK;
}

int nvmlDeviceGetMinorNumber(handle which, unsigned *minor)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (!error)
        *minor = device->minor;
    return error;
}

int nvmlDeviceGetIndex(handle which, unsigned *index)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (error)
        return error;
    const struct machine *machine = the_machine();
    *index = 0;
    for (const struct device *one = machine->device; one < device; one++)
        *index += counted(machine, one);
    return OK;
}

int nvmlDeviceGetPciInfo_v3(handle which, struct pci *pci)
{
    const struct device *device;
    const struct instance *instance;
    int error = find(which, &device, &instance);
    if (error)
        return error;
    memset(pci, 0, sizeof *pci);
    sscanf(device->pci, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
    snprintf(pci->legacy, sizeof pci->legacy, "%04X:%02X:%02X.0", pci->domain & 0xffff, pci->bus & 0xff, pci->device & 0xff);
    snprintf(pci->bus_id, sizeof pci->bus_id, "%08X:%02X:%02X.0", pci->domain, pci->bus & 0xff, pci->device & 0xff);
    pci->device_id = 0x233010de;
    return OK;
}

int nvmlDeviceGetMigMode(handle which, unsigned *current, unsigned *pending)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (error || device->mig == MIG_NO)
        return error ? error : NOT_SUPPORTED;
    *current = *pending = device->mig == MIG_ON;
    return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(handle which, unsigned *count)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (!error)
        *count = device->mig == MIG_ON ? INSTANCES : 0;
    return error;
}

int nvmlDeviceGetMigDeviceHandleByIndex(handle which, unsigned index, handle *to)
{
    const struct device *device;
    int error = find_whole(which, &device);
    if (error)
        return error;
    if (device->mig != MIG_ON)
        return NOT_SUPPORTED;
    *to = which + index + 1;
    return index < device->instances ? OK : index < INSTANCES ? NOT_FOUND : INVALID_ARGUMENT;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle which, handle *to)
{
    *to = which & ~(handle)0xff;
    return which & 0xff ? OK : INVALID_ARGUMENT;
}

int nvmlDeviceIsMigDeviceHandle(handle which, unsigned *is)
{
    *is = (which & 0xff) != 0;
    return OK;
}

static int instance_of(handle which, const struct instance **instance)
{
    const struct device *device;
    int error = find(which, &device, instance);
    return error ? error : *instance ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetGpuInstanceId(handle which, unsigned *id)
{
    const struct instance *instance;
    int error = instance_of(which, &instance);
    if (!error)
        *id = instance->gi;
    return error;
}

int nvmlDeviceGetComputeInstanceId(handle which, unsigned *id)
{
    const struct instance *instance;
    int error = instance_of(which, &instance);
    if (!error)
        *id = instance->ci;
    return error;
}

int nvmlDeviceGetAttributes_v2(handle which, struct attributes *attributes)
{
    const struct instance *instance;
    int error = instance_of(which, &instance);
    if (!error)
        *attributes = (struct attributes){.units = instance->units, .memory_mib = instance->memory_mib};
    return error;
}

int nvmlDeviceGetAttributes(handle which, struct attributes *attributes)
{
    return nvmlDeviceGetAttributes_v2(which, attributes);
}

int nvmlDeviceGetEccMode(handle which, int *current, int *pending)
{
    const struct device *device;
    const struct instance *instance;
    *current = *pending = 1;
    return find(which, &device, &instance);
}

/* A number that is the same for every whole device. */
static int constant(handle which, unsigned value, unsigned *to)
{
    const struct device *device;
    *to = value;
    return find_whole(which, &device);
}

int nvmlDeviceGetMaxClockInfo(handle which, int kind, unsigned *mhz)
{
    (void)kind;
    return constant(which, CLOCK_MHZ, mhz);
}

int nvmlDeviceGetFanSpeed(handle which, unsigned *percent)
{
    int error = constant(which, 0, percent);
    return error ? error : NOT_SUPPORTED;
}

int nvmlDeviceGetPowerUsage(handle which, unsigned *milliwatts) { return constant(which, 71000, milliwatts); }

int nvmlDeviceGetTemperature(handle which, int sensor, unsigned *celsius)
{
    (void)sensor;
    return constant(which, 31, celsius);
}

int nvmlDeviceGetPersistenceMode(handle which, unsigned *mode) { return constant(which, 1, mode); }
int nvmlDeviceGetComputeMode(handle which, unsigned *mode) { return constant(which, 0, mode); }
int nvmlDeviceGetBrand(handle which, unsigned *brand) { return constant(which, 14, brand); }

int nvmlDeviceGetTotalEccErrors(handle which, int kind, int counter, unsigned long long *count)
{
    const struct device *device;
    (void)kind, (void)counter;
    *count = 0;
    return find_whole(which, &device);
}

int nvmlDeviceGetUtilizationRates(handle which, struct utilisation *rates)
{
    const struct device *device;
    *rates = (struct utilisation){UTILISATION, UTILISATION};
    return find_whole(which, &device);
}

int nvmlDeviceGetComputeRunningProcesses_v3(handle which, unsigned *count, void *processes)
{
    const struct device *device;
    const struct instance *instance;
    (void)processes;
    *count = 0;
    return find(which, &device, &instance);
}

/* Six samples a second up to now, of unsigned numbers; without a buffer, how many there may be. */
int nvmlDeviceGetSamples(handle which, int kind, unsigned long long last_us, int *type, unsigned *count,
                         struct sample *samples)
{
    const struct device *device;
    const unsigned long long step_us = 1000000 / SAMPLES_PER_S;
    int error = find_whole(which, &device);
    (void)kind;
    if (error)
        return error;
    *type = 1;
    unsigned room = *count;
    *count = SAMPLES;
    if (!samples)
        return OK;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long long at_us = now.tv_sec * 1000000ull + now.tv_nsec / 1000;
    unsigned long long first_us = at_us - SAMPLES * step_us;
    *count = 0;
    for (at_us = last_us > first_us ? last_us + step_us : first_us; *count < room && at_us < first_us + SAMPLES * step_us;
         at_us += step_us)
        samples[(*count)++] = (struct sample){at_us, {UTILISATION}};
    return *count ? OK : NOT_FOUND;
}
