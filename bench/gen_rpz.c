// SPDX-License-Identifier: GPL-3.0-or-later
/* gen_rpz OUT RULES VERSIONS: makes the data of the benchmark, the same for the same numbers.
 *
 *   rpz-V.zone   version V (its serial) of the policy zone rpz.test: RULES records that are pairs of a name
 * and its wildcard (NXDOMAIN); a thousand rules for addresses in answers and a hundred for each of the three
 * other triggers, none of which concerns an answer of bench.test; a thousand names with local data. Each
 * version replaces a thousand records of the one before, and adds the pair fV.bench.test axfr-V.wire  the
 * same as the messages of a transfer, each with its length in front (ixfr_primary.py sends them) delta-V.txt
 * `-owner` and `+owner` lines: from version V - 1 to V auth.zone    bench.test, with clean names, and names
 * below startup and fV that the policy blocks clean.txt hits.txt hits-many.txt local.txt cold.txt questions
 * for dnsperf: 10,000 clean names; 10,000 and 100,000 listed ones, half of them below; names with local data;
 * 60,000 clean names to be asked once */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ADDRESS_RULES = 1000,
    OTHER_RULES = 100,
    LOCAL_NAMES = 1000,
    CHANGED_PAIRS = 500,
    CLEAN_NAMES = 10000,
    PROBE_NAMES = 20000,
    HITS = 10000,
    MANY_HITS = 100000,
    COLD_NAMES = 60000,
    NAME_ROOM = 64,
    MESSAGE_ROOM = 16000,
};

#define ORIGIN "rpz.test"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const tlds[] = {
    "com",  "net", "org", "info", "biz",    "xyz",   "top",    "site",   "online", "shop", "club",
    "live", "icu", "vip", "work", "app",    "dev",   "io",     "co",     "me",     "tv",   "cc",
    "ru",   "cn",  "de",  "fr",   "nl",     "pl",    "br",     "in",     "uk",     "us",   "ca",
    "au",   "it",  "es",  "se",   "no",     "fi",    "dk",     "cz",     "at",     "ch",   "be",
    "jp",   "kr",  "tr",  "ua",   "com.br", "co.uk", "com.cn", "net.au", "org.uk"};
static const char *const words[] = {
    "track",  "ads",     "pixel", "login", "secure", "update", "mail",  "cdn",     "static", "bank",   "pay",
    "verify", "account", "cloud", "free",  "win",    "prize",  "click", "metrics", "stats",  "beacon", "api",
    "img",    "data",    "sync",  "shop",  "news",   "game",   "play",  "link",    "go",     "files"};

static const char *out_directory;
static uint64_t dice_state = 1;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        die("memory");
    return memory;
}

static uint32_t dice(uint32_t bound)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((dice_state >> 32) * bound >> 32);
}

static FILE *create(const char *format, ...) __attribute__((format(printf, 1, 2)));

static FILE *create(const char *format, ...)
{
    char name[64], path[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "%s/%s", out_directory, name);
    FILE *file = fopen(path, "w");
    if (!file)
        die(path);
    return file;
}

static void finish(FILE *file)
{
    if (fclose(file) != 0)
        die("write");
}

/* --- listed names, no two alike ------------------------------------------------------------------------ */

static char (*listed)[NAME_ROOM]; /* without `*.` */
static uint32_t listed_count;
static uint64_t *seen; /* hashes of all names that were ever listed */
static size_t seen_room;

static bool is_new(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    hash |= 1;
    for (size_t at = (hash >> 20) % seen_room;; at = (at + 1) % seen_room) {
        if (seen[at] == hash)
            return false;
        if (seen[at] == 0) {
            seen[at] = hash;
            return true;
        }
    }
}

static void make_name(char *out)
{
    char tail[12];
    do {
        unsigned length = 2 + dice(9), at = 0;
        for (unsigned i = 0; i < length; i++)
            tail[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[dice(36)];
        tail[length] = 0;
        if (dice(100) < 40) /* three labels below the suffix */
            at = (unsigned)snprintf(out, NAME_ROOM, "%s%u.", words[dice(COUNT(words))], dice(100));
        snprintf(out + at, NAME_ROOM - at, "%s%u-%s.%s", words[dice(COUNT(words))], dice(1000000), tail,
                 tlds[dice(COUNT(tlds))]);
    } while (!is_new(out));
}

static void make_names(uint32_t count, unsigned versions)
{
    listed_count = count;
    listed = must(calloc(count, sizeof *listed));
    seen_room = 2 * ((size_t)count + versions * CHANGED_PAIRS) + 1;
    seen = must(calloc(seen_room, sizeof *seen));
    for (uint32_t i = 0; i < count; i++)
        make_name(listed[i]);
}

/* --- a version as text and as messages ----------------------------------------------------------------- */

struct version {
    FILE *text, *wire;
    uint64_t rules;
    unsigned records; /* of the message being made */
    size_t used;
    uint8_t message[MESSAGE_ROOM + 512];
};

static size_t put_name(uint8_t *out, const char *name)
{
    uint8_t *at = out;
    while (*name) {
        size_t length = strcspn(name, ".");
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    return (size_t)(at - out);
}

static void start_message(struct version *v)
{
    static const uint8_t head[12] = {0, 0, 0x84, 0, 0, 1};
    memcpy(v->message, head, sizeof head);
    v->used = sizeof head + put_name(v->message + sizeof head, ORIGIN);
    memcpy(v->message + v->used, "\0\0\xfc\0\1", 5);
    v->used += 5;
    v->records = 0;
}

static void end_message(struct version *v)
{
    uint8_t length[2] = {(uint8_t)(v->used >> 8), (uint8_t)v->used};
    v->message[6] = (uint8_t)(v->records >> 8);
    v->message[7] = (uint8_t)v->records;
    fwrite(length, 1, 2, v->wire);
    fwrite(v->message, 1, v->used, v->wire);
    start_message(v);
}

/* One record; `owner` "" is the origin. */
static void put_wire(struct version *v, const char *owner, uint8_t type, const void *rdata, size_t length)
{
    uint8_t fixed[12] = {0xc0, 12, 0, type, 0, 1, 0, 0, 1, 44, (uint8_t)(length >> 8), (uint8_t)length};
    v->used += put_name(v->message + v->used, owner);
    memcpy(v->message + v->used, fixed, sizeof fixed);
    memcpy(v->message + v->used + sizeof fixed, rdata, length);
    v->used += sizeof fixed + length;
    v->records++;
    if (v->used > MESSAGE_ROOM)
        end_message(v);
}

static void put_soa(struct version *v, unsigned serial)
{
    static const uint32_t times[4] = {3600, 600, 86400, 300};
    uint8_t rdata[64] = "\x09localhost\0\x04root\x09localhost";
    uint32_t numbers[5] = {serial, times[0], times[1], times[2], times[3]};
    for (unsigned i = 0; i < 20; i++)
        rdata[27 + i] = (uint8_t)(numbers[i / 4] >> (24 - i % 4 * 8));
    put_wire(v, "", 6, rdata, 47);
}

static void put_rule(struct version *v, const char *owner)
{
    fprintf(v->text, "%s CNAME .\n", owner);
    v->rules++;
    put_wire(v, owner, 5, "", 1);
}

static void put_pair(struct version *v, const char *name)
{
    char wild[NAME_ROOM + 2];
    snprintf(wild, sizeof wild, "*.%s", name);
    put_rule(v, name);
    put_rule(v, wild);
}

/* In 203.0.0.0/8, where nobody is: `count` prefixes of the kind that `suffix` says. */
static void put_prefixes(struct version *v, unsigned count, const char *suffix)
{
    static const unsigned lengths[] = {24, 28, 32};
    char owner[NAME_ROOM];
    for (unsigned i = 0; i < count; i++) {
        unsigned length = lengths[i % 3], address = (i * 2654435761u >> 8 | 1) & ~((1u << (32 - length)) - 1);
        snprintf(owner, sizeof owner, "%u.%u.%u.%u.203.%s", length, address & 255, address >> 8 & 255,
                 address >> 16 & 255, suffix);
        put_rule(v, owner);
    }
}

static void put_other_triggers(struct version *v)
{
    char owner[NAME_ROOM];
    put_prefixes(v, ADDRESS_RULES, "rpz-ip");
    put_prefixes(v, OTHER_RULES, "rpz-client-ip");
    put_prefixes(v, OTHER_RULES, "rpz-nsip");
    for (unsigned i = 0; i < OTHER_RULES; i++) {
        snprintf(owner, sizeof owner, "ns%u.bulletproof.example.rpz-nsdname", i);
        put_rule(v, owner);
    }
}

static void put_local_data(struct version *v)
{
    char owner[NAME_ROOM];
    for (unsigned i = 0; i < LOCAL_NAMES; i++) {
        uint8_t address[4] = {192, 0, 2, (uint8_t)i};
        snprintf(owner, sizeof owner, "data%04u.local.bench.test", i);
        fprintf(v->text, "%s A 192.0.2.%u\n", owner, i & 255);
        put_wire(v, owner, 1, address, 4);
        v->rules++;
    }
}

/* How many rules it has. */
static uint64_t write_version(unsigned version)
{
    static const uint8_t name_server[] = "\x09localhost";
    struct version *v = must(calloc(1, sizeof *v));
    char probe[NAME_ROOM];
    v->text = create("rpz-%u.zone", version);
    v->wire = create("axfr-%u.wire", version);
    start_message(v);
    fprintf(v->text,
            "$ORIGIN " ORIGIN
            ".\n$TTL 300\n@ SOA localhost. root.localhost. %u 3600 600 86400 300\n@ NS localhost.\n",
            version);
    put_soa(v, version);
    put_wire(v, "", 2, name_server, sizeof name_server);
    put_other_triggers(v);
    put_local_data(v);
    for (uint32_t i = 0; i < listed_count; i++)
        put_pair(v, listed[i]);
    put_pair(v, "startup.bench.test");
    for (unsigned i = 2; i <= version; i++) {
        snprintf(probe, sizeof probe, "f%u.bench.test", i);
        put_pair(v, probe);
    }
    put_soa(v, version);
    end_message(v);
    finish(v->text);
    finish(v->wire);
    uint64_t rules = v->rules;
    free(v);
    return rules;
}

/* Goes on from the version before. */
static void change(unsigned version)
{
    FILE *delta = create("delta-%u.txt", version);
    uint32_t pairs = listed_count < CHANGED_PAIRS ? listed_count : CHANGED_PAIRS,
             stretch = listed_count / pairs;
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t at = i * stretch + dice(stretch); /* no name is changed twice in a version */
        fprintf(delta, "-%s\n-*.%s\n", listed[at], listed[at]);
        make_name(listed[at]);
        fprintf(delta, "+%s\n+*.%s\n", listed[at], listed[at]);
    }
    fprintf(delta, "+f%u.bench.test\n+*.f%u.bench.test\n", version, version);
    finish(delta);
}

/* --- questions and their answers ----------------------------------------------------------------------- */

static void write_hits(const char *name, uint32_t count)
{
    FILE *file = create("%s", name);
    for (uint32_t i = 0; i < count && i < listed_count; i++)
        fprintf(file, "%s%s A\n", i & 1 ? "www." : "", listed[(uint64_t)i * 2654435761u % listed_count]);
    finish(file);
}

static void write_questions(void)
{
    write_hits("hits.txt", HITS);
    write_hits("hits-many.txt", MANY_HITS);
    FILE *file = create("local.txt");
    for (unsigned i = 0; i < LOCAL_NAMES; i++)
        fprintf(file, "data%04u.local.bench.test A\n", i);
    finish(file);
    file = create("clean.txt");
    for (unsigned i = 0; i < CLEAN_NAMES; i++)
        fprintf(file, "n%05u.bench.test A\n", i * 7919u % CLEAN_NAMES);
    finish(file);
    file = create("cold.txt");
    for (unsigned i = 0; i < COLD_NAMES; i++)
        fprintf(file, "u%06u.bench.test A\n", i);
    finish(file);
}

static void write_probe_names(FILE *file, const char *below)
{
    for (unsigned i = 0; i < PROBE_NAMES; i++)
        fprintf(file, "k%05u.%s A 10.2.%u.%u\n", i, below, i >> 8 & 255, i & 255);
}

static void write_answers(unsigned versions)
{
    FILE *file = create("auth.zone");
    char below[16];
    fprintf(file,
            "$ORIGIN bench.test.\n$TTL 86400\n@ SOA ns root 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n");
    for (unsigned i = 0; i < CLEAN_NAMES; i++)
        fprintf(file, "n%05u A 10.1.%u.%u\n", i, i >> 8 & 255, i & 255);
    for (unsigned i = 0; i < COLD_NAMES; i++)
        fprintf(file, "u%06u A 10.3.%u.%u\n", i, i >> 8 & 255, i & 255);
    write_probe_names(file, "startup");
    for (unsigned version = 2; version <= versions; version++) {
        snprintf(below, sizeof below, "f%u", version);
        write_probe_names(file, below);
    }
    finish(file);
}

int main(int argc, char **argv)
{
    uint32_t rules = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    unsigned versions = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (rules < 2 || versions < 1) {
        fprintf(stderr, "usage: gen_rpz OUT RULES VERSIONS\n");
        return 2;
    }
    out_directory = argv[1];
    if (mkdir(out_directory, 0777) != 0 && errno != EEXIST)
        die(out_directory);
    make_names(rules / 2, versions);
    write_questions();
    write_answers(versions);
    uint64_t first = write_version(1);
    for (unsigned version = 2; version <= versions; version++) {
        change(version);
        (void)write_version(version);
    }
    FILE *made = create("made.txt");
    fprintf(made, "%u %u %llu\n", rules, versions, (unsigned long long)first);
    finish(made);
    return 0;
}
