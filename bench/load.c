/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What it costs to make a policy zone of its text: CPU of the process, page faults, and (under perf or
 * callgrind) whatever those count, without the rest of candord.
 *
 *   load FILE [ORIGIN]             default rpz.test.
 *   load FILE ORIGIN CHANGED       CHANGED then comes as a revision of it, as in a reload
 */
#include <sys/resource.h>

#include "bench/measure.h"
#include "dns/name.h"
#include "rpz/zone.h"
#include "zone/load.h"

static struct zone_content *load(const uint8_t *origin, const char *file, const struct zone_content *old)
{
    const struct zone_load_options options = {.origin = origin, .file = file, .old = old, .policy = true};
    struct zone_content *content = NULL;
    struct rusage before, after;
    struct policy_zone_counts counts;
    double start = cpu_ns();
    getrusage(RUSAGE_SELF, &before);
    must(zone_load(&options, &content), file);
    getrusage(RUSAGE_SELF, &after);
    policy_zone_count(zone_content_get_policy(content), &counts);
    printf("%s: %.0f ms of CPU, %ld page faults, %llu records\n", file, (cpu_ns() - start) / 1e6,
           after.ru_minflt - before.ru_minflt, (unsigned long long)counts.records);
    return content;
}

int main(int argc, char **argv)
{
    uint8_t origin[NAME_MAX_BYTES];
    if (argc < 2) {
        fprintf(stderr, "usage: load FILE [ORIGIN [CHANGED]]\n");
        return 2;
    }
    must(name_from_text(argc > 2 ? argv[2] : "rpz.test.", NULL, origin), "origin");
    struct zone_content *content = load(origin, argv[1], NULL);
    if (argc > 3)
        zone_content_unref(load(origin, argv[3], content));
    zone_content_unref(content);
    return 0;
}
