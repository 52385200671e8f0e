/* Stands in for NVIDIA's libcuda.so.1 (the CUDA driver API) on machines without a GPU: machine.h says what it plays.
 * It has what HTCondor and our own programs call, and chooses devices as the real one does: by CUDA_VISIBLE_DEVICES,
 * by the device nodes that open, and with MIG a single instance, never a device that has instances.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum { SUCCESS, INVALID_VALUE, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE, MISMATCH = 803, UNKNOWN = 999 };
enum { CLOCK_RATE = 13, UNITS = 16, ECC = 32, CAPABILITY_MAJOR = 75, CAPABILITY_MINOR };
enum { CLOCK_KHZ = 1980000, RESERVED_MIB = 469 /* what CUDA does not show of NVML's memory */ };

struct visible {
    struct device device;
    struct instance instance;
    bool mig;
};

static struct visible seen[DEVICES * INSTANCES];
static int count, initialised;

static void add(const struct device *device, const struct instance *instance)
{
    seen[count] = (struct visible){.device = *device, .mig = instance != NULL};
    if (instance)
        seen[count].instance = *instance;
    count++;
}

static bool usable(const struct machine *machine, const struct device *device)
{
    return !device->handle && !gpu_node_error(machine, device);
}

/* Devices without MIG and, of those with it, the first instance. */
static void add_devices(const struct machine *machine)
{
    for (const struct device *device = machine->device; device < machine->device + machine->devices; device++)
        if (usable(machine, device) && (device->mig != MIG_ON || device->instances))
            add(device, device->mig == MIG_ON ? &device->instance[0] : NULL);
}

/* Whether a word of CUDA_VISIBLE_DEVICES is a name's unambiguous beginning: the real one wants no more of it. */
static bool names(const char *word, size_t length, const char *uuid)
{
    return length > 4 && strncasecmp(word, uuid, length) == 0;
}

static bool add_named(const struct machine *machine, const char *word, size_t length)
{
    for (const struct device *device = machine->device; device < machine->device + machine->devices; device++) {
        if (!usable(machine, device))
            continue;
        if (names(word, length, device->uuid) && (device->mig != MIG_ON || device->instances)) {
            add(device, device->mig == MIG_ON ? &device->instance[0] : NULL);
            return true;
        }
        for (unsigned i = 0; device->mig == MIG_ON && i < device->instances; i++)
            if (strlen(device->instance[i].uuid) == length && names(word, length, device->instance[i].uuid)) {
                add(device, &device->instance[i]);
                return true;
            }
    }
    return false;
}

static bool add_numbered(const char *word, const struct visible *all, int most)
{
    char *end;
    long number = strtol(word, &end, 10);
    if (!isdigit((unsigned char)*word) || (*end && *end != ',') || number >= most)
        return false;
    seen[count++] = all[number];
    return true;
}

/* Whatever stands behind a word that is wrong does not count. */
static void choose(const struct machine *machine, const char *words)
{
    static struct visible all[DEVICES * INSTANCES];
    int most = count;
    memcpy(all, seen, sizeof all);
    for (count = 0; count < DEVICES;) {
        words += strspn(words, " ");
        size_t length = strcspn(words, ", ");
        if (!add_numbered(words, all, most) && !add_named(machine, words, length))
            return;
        words += length;
        if (*words++ != ',')
            return;
    }
}

static void only_one_instance(void)
{
    for (int i = 0; i < count; i++)
        if (seen[i].mig) {
            seen[0] = seen[i];
            count = 1;
        }
}

int cuInit(unsigned flags)
{
    const struct machine *machine = the_machine();
    const char *words = getenv("CUDA_VISIBLE_DEVICES");
    int error = machine->loaded ? or_hang(machine->cuda_init) : NO_DEVICE;
    if (flags)
        error = INVALID_VALUE;
    if (!error && machine->nodes != IGNORED && node_error("/dev/nvidiactl"))
        error = NO_DEVICE;
    if (error)
        return error;
    count = 0;
    add_devices(machine);
    if (words)
        choose(machine, words);
    only_one_instance();
    count = count < machine->cuda_sees ? count : machine->cuda_sees;
    initialised = count > 0;
    return initialised ? SUCCESS : NO_DEVICE;
}

int cuDriverGetVersion(int *version)
{
    *version = the_machine()->cuda;
    return SUCCESS;
}

int cuDeviceGetCount(int *to)
{
    *to = count;
    return initialised ? SUCCESS : NOT_INITIALIZED;
}

int cuDeviceGet(int *device, int ordinal)
{
    *device = ordinal;
    return !initialised ? NOT_INITIALIZED : ordinal < 0 || ordinal >= count ? INVALID_DEVICE : SUCCESS;
}

static int find(int device, const struct visible **found)
{
    *found = &seen[device];
    return cuDeviceGet(&device, device);
}

int cuDeviceGetName(char *name, int length, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (!error)
        snprintf(name, length, "%s", found->mig ? found->instance.name : found->device.name);
    return error;
}

static void binary(const char *uuid, unsigned char *to)
{
    const char *at = strchr(uuid, '-');
    for (int i = 0; at && i < 16; i++) {
        at += strspn(at, "-");
        unsigned byte = 0;
        sscanf(at, "%2x", &byte);
        to[i] = byte;
        at += 2;
    }
}

/* Of an instance: the device's, as HTCondor expects it, and the instance's own below. */
int cuDeviceGetUuid(unsigned char *uuid, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (!error)
        binary(found->device.uuid, uuid);
    return error;
}

int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (!error)
        binary(found->mig ? found->instance.uuid : found->device.uuid, uuid);
    return error;
}

int cuDeviceGetPCIBusId(char *bus_id, int length, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (!error)
        snprintf(bus_id, length, "%s", found->device.pci);
    return error;
}

int cuDeviceComputeCapability(int *major, int *minor, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (error)
        return error;
    *major = found->device.major_capability;
    *minor = found->device.minor_capability;
    return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (!error)
        *bytes = (found->mig ? found->instance.memory_mib : found->device.memory_mib - RESERVED_MIB) << 20;
    return error;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    const struct visible *found;
    int error = find(device, &found);
    if (error)
        return error;
    *value = attribute == CLOCK_RATE         ? CLOCK_KHZ
             : attribute == UNITS            ? (int)(found->mig ? found->instance.units : found->device.units)
             : attribute == ECC              ? 1
             : attribute == CAPABILITY_MAJOR ? (int)found->device.major_capability
             : attribute == CAPABILITY_MINOR ? (int)found->device.minor_capability
                                             : 0;
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text)
{
    *text = error == SUCCESS          ? "no error"
            : error == NO_DEVICE      ? "no CUDA-capable device is detected"
            : error == INVALID_DEVICE ? "invalid device ordinal"
            : error == MISMATCH       ? "system has unsupported display driver / cuda driver combination"
                                      : "unknown error";
    return SUCCESS;
}
