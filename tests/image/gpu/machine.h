/* The machine that the stand-ins for libnvidia-ml.so.1 and libcuda.so.1 play: what MACHINE_FILE says now.
 *
 * A line is `driver TEXT`, `cuda VERSION` (13000), `nvml-init ERROR`, `nvml-count ERROR`, `cuda-init ERROR`,
 * `cuda-sees COUNT` (of what it would see, the first ones), `nodes hidden|refused|ignored`, `hangs WHERE` (nvml-init,
 * nvml-count, cuda-init), or one of
 *     device UUID minor=N memory=MIB capability=9.0 units=N pci=0000:1B:00.0 mig=no|off|on handle=ERROR query=ERROR NAME
 *     mig UUID gi=N ci=N memory=MIB units=N NAME            (an instance of the device above it)
 * `handle=` fails where a handle is asked for, `query=` at every question after that; `handle=hang` and `query=hang`
 * never return. Without the file the driver is not loaded.
 */
#ifndef STANDIN_MACHINE_H
#define STANDIN_MACHINE_H
#include <stdbool.h>

#pragma GCC visibility push(hidden)

#define MACHINE_FILE "/opt/standin-gpus/machine"

enum { DEVICES = 16, INSTANCES = 7, TEXT = 96, HANG = -1 };
enum nodes { HIDDEN, REFUSED, IGNORED };
enum mig { MIG_NO, MIG_OFF, MIG_ON };

struct instance {
    char uuid[TEXT], name[TEXT];
    unsigned gi, ci, units;
    unsigned long long memory_mib;
};

struct device {
    char uuid[TEXT], name[TEXT], pci[TEXT];
    unsigned minor, major_capability, minor_capability, units, instances;
    unsigned long long memory_mib;
    enum mig mig;
    int handle, query; /* errors; 0 is none */
    struct instance instance[INSTANCES];
};

struct machine {
    bool loaded;
    char driver[TEXT];
    int cuda, nvml_init, nvml_count, cuda_init, cuda_sees;
    enum nodes nodes;
    unsigned devices;
    struct device device[DEVICES];
};

/* What the file says now: it is read again whenever it has changed. */
const struct machine *the_machine(void);

/* The errno of opening a device node of the driver's for reading and writing, as it does; 0 where that works. */
int node_error(const char *path);
int gpu_node_error(const struct machine *machine, const struct device *device);

/* Sleeps for ever where `error` says so, as a wedged driver does, and else returns it. */
int or_hang(int error);

#pragma GCC visibility pop
#endif
