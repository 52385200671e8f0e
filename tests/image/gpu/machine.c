/* Reads MACHINE_FILE: see machine.h. Part of both stand-ins. */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is(const char *word, const char *key, const char **value)
{
    size_t length = strlen(key);
    *value = word + length + 1;
    return strncmp(word, key, length) == 0 && (word[length] == '=' || word[length] == ' ');
}

static int error_number(const char *text)
{
    return strncmp(text, "hang", 4) == 0 ? HANG : atoi(text);
}

static void set_word(char *field, const char *value)
{
    snprintf(field, TEXT, "%.*s", (int)strcspn(value, " \n"), value);
}

static void set_rest(char *field, const char *value)
{
    snprintf(field, TEXT, "%.*s", (int)strcspn(value, "\n"), value);
}

static void set_device(struct device *device, const char *word)
{
    const char *value;
    if (is(word, "minor", &value))
        device->minor = atoi(value);
    else if (is(word, "memory", &value))
        device->memory_mib = atoll(value);
    else if (is(word, "capability", &value))
        sscanf(value, "%u.%u", &device->major_capability, &device->minor_capability);
    else if (is(word, "units", &value))
        device->units = atoi(value);
    else if (is(word, "pci", &value))
        set_word(device->pci, value);
    else if (is(word, "mig", &value))
        device->mig = strncmp(value, "on", 2) == 0 ? MIG_ON : strncmp(value, "off", 3) == 0 ? MIG_OFF : MIG_NO;
    else if (is(word, "handle", &value))
        device->handle = error_number(value);
    else if (is(word, "query", &value))
        device->query = error_number(value);
}

static void set_instance(struct instance *instance, const char *word)
{
    const char *value;
    if (is(word, "gi", &value))
        instance->gi = atoi(value);
    else if (is(word, "ci", &value))
        instance->ci = atoi(value);
    else if (is(word, "memory", &value))
        instance->memory_mib = atoll(value);
    else if (is(word, "units", &value))
        instance->units = atoi(value);
}

/* The words with a `=` in them one by one; where they end is the name. */
static const char *next_word(const char *at)
{
    at += strcspn(at, " \n");
    return at + strspn(at, " ");
}

static bool is_setting(const char *at)
{
    return memchr(at, '=', strcspn(at, " \n")) != NULL;
}

static void add_device(struct machine *machine, const char *text)
{
    if (machine->devices == DEVICES)
        return;
    struct device *device = &machine->device[machine->devices++];
    set_word(device->uuid, text);
    for (text = next_word(text); is_setting(text); text = next_word(text))
        set_device(device, text);
    set_rest(device->name, text);
}

static void add_instance(struct machine *machine, const char *text)
{
    struct device *device = machine->devices ? &machine->device[machine->devices - 1] : NULL;
    if (!device || device->instances == INSTANCES)
        return;
    struct instance *instance = &device->instance[device->instances++];
    set_word(instance->uuid, text);
    for (text = next_word(text); is_setting(text); text = next_word(text))
        set_instance(instance, text);
    set_rest(instance->name, text);
}

static void set_hang(struct machine *machine, const char *where)
{
    int *error = strncmp(where, "cuda", 4) == 0           ? &machine->cuda_init
                 : strncmp(where, "nvml-count", 10) == 0 ? &machine->nvml_count
                                                         : &machine->nvml_init;
    *error = HANG;
}

static void set_line(struct machine *machine, const char *line)
{
    const char *value;
    if (is(line, "driver", &value))
        set_word(machine->driver, value);
    else if (is(line, "cuda", &value))
        machine->cuda = atoi(value);
    else if (is(line, "nvml-init", &value))
        machine->nvml_init = atoi(value);
    else if (is(line, "nvml-count", &value))
        machine->nvml_count = atoi(value);
    else if (is(line, "cuda-init", &value))
        machine->cuda_init = atoi(value);
    else if (is(line, "cuda-sees", &value))
        machine->cuda_sees = atoi(value);
    else if (is(line, "nodes", &value))
        machine->nodes = *value == 'i' ? IGNORED : *value == 'r' ? REFUSED : HIDDEN;
    else if (is(line, "hangs", &value))
        set_hang(machine, value);
    else if (is(line, "device", &value))
        add_device(machine, value);
    else if (is(line, "mig", &value))
        add_instance(machine, value);
}

const struct machine *the_machine(void)
{
    static struct machine machine;
    static struct stat known;
    struct stat now = {0};
    bool there = stat(MACHINE_FILE, &now) == 0;
    if (there && machine.loaded && now.st_ino == known.st_ino && now.st_mtim.tv_sec == known.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == known.st_mtim.tv_nsec)
        return &machine;
    known = now;
    machine = (struct machine){.cuda_sees = DEVICES};
    FILE *file = there ? fopen(MACHINE_FILE, "re") : NULL;
    if (!file)
        return &machine;
    machine.loaded = true;
    char line[1024];
    while (fgets(line, sizeof line, file))
        set_line(&machine, line);
    fclose(file);
    return &machine;
}

int node_error(const char *path)
{
    int node = open(path, O_RDWR | O_CLOEXEC);
    if (node < 0)
        return errno;
    close(node);
    return 0;
}

int gpu_node_error(const struct machine *machine, const struct device *device)
{
    char path[TEXT];
    snprintf(path, sizeof path, "/dev/nvidia%u", device->minor);
    return machine->nodes == IGNORED ? 0 : node_error(path);
}

int or_hang(int error)
{
    while (error == HANG)
        pause();
    return error;
}
