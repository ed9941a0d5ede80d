/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a start from an image costs (rpz/image.h): CPU of mapping and of opening, what the first look-ups cost
 * and a first delta.
 *
 *   image write FILE [RULES [DATA]]  each name is a rule and, with `*.`, a second one; DATA (default 0) more
 *                                    have an address of their own
 *   image open FILE                  in another process; the file is in the page cache or not, as you left it
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/image.h"

struct mark {
    struct timespec cpu, wall;
};

static struct mark now(void)
{
    struct mark mark;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mark.cpu);
    clock_gettime(CLOCK_MONOTONIC, &mark.wall);
    return mark;
}

static double ms_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) * 1e3 + (double)(to->tv_nsec - from->tv_nsec) / 1e6;
}

static struct mark report(const char *what, struct mark since)
{
    struct mark mark = now();
    printf("%-22s %9.3f ms CPU %9.3f ms\n", what, ms_between(&since.cpu, &mark.cpu),
           ms_between(&since.wall, &mark.wall));
    return mark;
}

static uint8_t origin[NAME_MAX_BYTES];

/* Name number `number`, with or without `*.`: some forty per cent have a label more. */
static size_t listed_name(uint64_t number, const char *before, const uint8_t *below, uint8_t *out)
{
    static const char *const tlds[] = {"com",  "net", "org",  "info", "top",
                                       "site", "xyz", "shop", "ru",   "co.uk"};
    uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;
    char text[120];
    snprintf(text, sizeof text, "%s%s%s%llu-%llx.%s", before, mixed % 10 < 4 ? "track" : "",
             mixed % 10 < 4 ? "7." : "ads", (unsigned long long)(mixed >> 44), (unsigned long long)number,
             tlds[(mixed >> 8) % 10]);
    must(name_from_text(text, below, out), text);
    return name_length(out);
}

/* --- writing ------------------------------------------------------------------------------------------- */

static void add(struct policy_builder *builder, const uint8_t *owner, uint16_t type, const void *rdata,
                uint16_t length)
{
    struct policy_record record = {owner, type, CLASS_IN, 300, rdata, length};
    must(policy_builder_add(builder, &record), "add");
}

static struct policy_zone *build(uint64_t rules, uint32_t data)
{
    struct policy_builder *builder = policy_builder_new(origin);
    struct policy_zone *zone;
    uint8_t owner[NAME_MAX_BYTES];
    if (!builder)
        must(ERR_NOMEM, "builder");
    add(builder, origin, TYPE_SOA, (const uint8_t[22]){0}, 22);
    for (uint64_t i = 0; i < rules / 2; i++) {
        listed_name(i, "", origin, owner);
        add(builder, owner, TYPE_CNAME, "", 1);
        listed_name(i, "*.", origin, owner);
        add(builder, owner, TYPE_CNAME, "", 1);
    }
    for (uint32_t i = 0; i < data; i++) {
        listed_name(i, "data.", origin, owner);
        add(builder, owner, TYPE_A, &i, sizeof i);
    }
    must(policy_builder_finish(builder, &zone), "finish");
    return zone;
}

static int write_file(void *context, const void *bytes, size_t length)
{
    return fwrite(bytes, 1, length, context) == length ? 0 : ERR_CLOSED;
}

static void write_image(const char *path, uint64_t rules, uint32_t data)
{
    static const uint8_t label[POLICY_IMAGE_LABEL_BYTES];
    struct policy_zone *zone = build(rules, data);
    FILE *file = fopen(path, "wb");
    if (!file)
        must(ERR_NOT_FOUND, path);
    struct mark start = now();
    must(policy_image_write(zone, label, write_file, file), "write");
    report("write", start);
    must(fclose(file) ? ERR_CLOSED : 0, path);
    policy_zone_unref(zone);
}

/* --- opening ------------------------------------------------------------------------------------------- */

static struct policy_image_memory map(const char *path)
{
    struct policy_image_memory memory = {0};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        must(ERR_NOT_FOUND, path);
    memory.length = (size_t)status.st_size;
    memory.bytes = mmap(NULL, memory.length, PROT_READ, MAP_SHARED, fd, 0);
    if (memory.bytes == MAP_FAILED)
        must(ERR_NOMEM, path);
    close(fd);
    return memory;
}

static void look_up(const struct policy_zone *zone, uint64_t count)
{
    struct policy_hit hit;
    uint8_t name[NAME_MAX_BYTES];
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    uint64_t names = counts.rules[RPZ_QNAME] / 2, found = 0;
    struct mark start = now();
    for (uint64_t i = 0; i < count; i++) {
        listed_name(i * 2654435761u % names, "www.", NULL, name);
        found += policy_zone_match_name(zone, RPZ_QNAME, name, false, &hit);
    }
    report(count == 1 ? "first look-up" : "100000 look-ups", start);
    if (!found)
        must(ERR_NOT_FOUND, "look-ups");
}

static struct policy_zone *change(const struct policy_zone *zone)
{
    enum { CHANGES = 1000 };
    static uint8_t owners[CHANGES][NAME_MAX_BYTES];
    static struct policy_change changes[CHANGES];
    struct policy_zone *made;
    for (unsigned i = 0; i < CHANGES; i++) {
        listed_name(i, "new.", origin, owners[i]);
        changes[i] =
            (struct policy_change){false, {owners[i], TYPE_CNAME, CLASS_IN, 300, (const uint8_t *)"", 1}};
    }
    struct mark start = now();
    must(policy_zone_apply(zone, changes, CHANGES, &made), "delta");
    report("delta of 1000 records", start);
    return made;
}

static void open_image(const char *path)
{
    struct policy_zone *zone, *next;
    struct policy_zone_counts counts;
    struct mark start = now(), mark = start;
    struct policy_image_memory memory = map(path);
    mark = report("map", mark);
    must(policy_image_open(&memory, origin, &zone), "open");
    report("open", mark);
    look_up(zone, 1);
    look_up(zone, 100000);
    policy_zone_count(zone, &counts);
    printf("%llu rules, %zu bytes mapped, %zu bytes counted\n", (unsigned long long)counts.rules[RPZ_QNAME],
           memory.length, counts.memory_bytes);
    next = change(zone);
    policy_zone_unref(zone);
    policy_zone_unref(next);
}

int main(int argc, char **argv)
{
    must(name_from_text("rpz.test.", NULL, origin), "origin");
    if (argc >= 3 && strcmp(argv[1], "write") == 0)
        write_image(argv[2], argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000,
                    argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0);
    else if (argc == 3 && strcmp(argv[1], "open") == 0)
        open_image(argv[2]);
    else
        must(ERR_INVALID, "image write FILE [RULES [DATA]] | image open FILE");
    return 0;
}
