/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/root_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text_stream.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"

enum { FLAG_ZONE = 0x100, FLAG_REVOKE = 0x80, FLAG_SEP = 1 /* RFC 4034, 5011 */ };

static bool is_trusted(const struct root_key *key)
{
    return key->state == ROOT_KEY_VALID || key->state == ROOT_KEY_MISSING;
}

static size_t trusted_count(const struct root_keys *keys)
{
    size_t n = 0;
    for (size_t i = 0; i < keys->count; i++)
        n += is_trusted(&keys->keys[i]);
    return n;
}

static struct root_key *find_key(struct root_keys *keys, const char *text)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].text, text) == 0)
            return &keys->keys[i];
    return NULL;
}

/* "FLAGS PROTOCOL ALGORITHM KEY…": the key's parts are joined. Cuts up `rdata`. 0 or ERR_MALFORMED. */
static int parse_key(char *rdata, unsigned *flags, char text[ROOT_KEY_TEXT_MAX])
{
    char *rest = NULL, *word = strtok_r(rdata, " \t\r\n()", &rest);
    size_t used = 0, words = 0;
    *flags = word ? (unsigned)strtoul(word, NULL, 10) : 0;
    while (word && (word = strtok_r(NULL, " \t\r\n()", &rest))) {
        int n =
            snprintf(text + used, ROOT_KEY_TEXT_MAX - used, words == 1 || words == 2 ? " %s" : "%s", word);
        used += (size_t)n;
        if (used >= ROOT_KEY_TEXT_MAX)
            return ERR_MALFORMED;
        words++;
    }
    return words >= 3 && *flags & FLAG_ZONE && *flags & FLAG_SEP ? 0 : ERR_MALFORMED;
}

/* --- the file --- */

static void read_line(struct root_keys *keys, char *line)
{
    struct root_key key = {.state = ROOT_KEY_VALID};
    const char *state = strstr(line, ";;state="), *since = strstr(line, ";;lastchange=");
    unsigned flags;
    if (state)
        key.state = (enum root_key_state)atoi(state + strlen(";;state="));
    if (since)
        key.since_s = atoll(since + strlen(";;lastchange="));
    line[strcspn(line, ";\r\n")] = 0;
    char *rdata = strstr(line, "DNSKEY");
    if (line[0] != '.' || !rdata || keys->count == ROOT_KEYS_MAX || key.state < ROOT_KEY_PENDING ||
        key.state > ROOT_KEY_REVOKED)
        return;
    if (parse_key(rdata + strlen("DNSKEY"), &flags, key.text) || find_key(keys, key.text))
        return;
    if (flags & FLAG_REVOKE)
        key.state = ROOT_KEY_REVOKED;
    keys->keys[keys->count++] = key;
}

int root_keys_read(struct root_keys *keys, const char *path)
{
    char line[4096];
    keys->count = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_from_errno(errno);
    while (fgets(line, sizeof line, file))
        read_line(keys, line);
    int error = ferror(file) ? err_from_errno(EIO) : 0;
    fclose(file);
    return error ? error : trusted_count(keys) ? 0 : ERR_MALFORMED;
}

void root_keys_trust(struct root_keys *keys, const struct root_key *other)
{
    struct root_key *key = find_key(keys, other->text);
    if (!is_trusted(other) || (key && key->state != ROOT_KEY_PENDING))
        return;
    if (!key && keys->count == ROOT_KEYS_MAX)
        return;
    if (!key)
        key = &keys->keys[keys->count++];
    *key = *other;
}

static int write_keys(const struct root_keys *keys, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return err_from_errno(errno);
    fputs("; The root's keys as candord follows them (RFC 5011). It writes this file itself.\n"
          "; state: 1 pending, 2 valid, 3 missing, 4 revoked; lastchange: seconds since 1970.\n",
          file);
    for (size_t i = 0; i < keys->count; i++)
        fprintf(file, ". IN DNSKEY 257 %s ;;state=%d ;;lastchange=%lld\n", keys->keys[i].text,
                (int)keys->keys[i].state, (long long)keys->keys[i].since_s);
    int error = fflush(file) || ferror(file) || fsync(fileno(file)) ? err_from_errno(errno) : 0;
    if (fclose(file) && !error)
        error = err_from_errno(errno);
    return error;
}

int root_keys_write(const struct root_keys *keys, const char *path)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s.new", path) < 0)
        return ERR_NOMEM;
    int error = write_keys(keys, beside);
    if (!error && rename(beside, path))
        error = err_from_errno(errno);
    if (error)
        unlink(beside);
    free(beside);
    return error;
}

/* --- what was seen --- */

static void set_state(struct root_key *key, enum root_key_state state, int64_t now_s)
{
    if (key->state != state)
        key->since_s = now_s;
    key->state = state;
}

static void see_key(struct root_keys *keys, bool *present, unsigned flags, const char *text, int64_t now_s)
{
    struct root_key *key = find_key(keys, text);
    if (!key) {
        if (flags & FLAG_REVOKE || keys->count == ROOT_KEYS_MAX)
            return;
        key = &keys->keys[keys->count++];
        *key = (struct root_key){.state = ROOT_KEY_PENDING, .since_s = now_s};
        snprintf(key->text, sizeof key->text, "%s", text);
    }
    present[key - keys->keys] = true;
    if (flags & FLAG_REVOKE)
        set_state(key, ROOT_KEY_REVOKED, now_s);
    else if (key->state == ROOT_KEY_MISSING ||
             (key->state == ROOT_KEY_PENDING && now_s - key->since_s >= ROOT_KEY_HOLD_S))
        set_state(key, ROOT_KEY_VALID, now_s);
}

/* Keys that were not there: a pending one must begin anew, a revoked one is forgotten in the end. */
static void miss_keys(struct root_keys *keys, const bool *present, int64_t now_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct root_key *key = &keys->keys[i];
        bool forget = key->state == ROOT_KEY_PENDING ||
                      (key->state == ROOT_KEY_REVOKED && now_s - key->since_s >= ROOT_KEY_HOLD_S);
        if (!present[i] && forget)
            continue;
        if (!present[i] && key->state == ROOT_KEY_VALID)
            set_state(key, ROOT_KEY_MISSING, now_s);
        if (kept != i)
            keys->keys[kept] = *key;
        kept++;
    }
    keys->count = kept;
}

static bool same_trust(struct root_keys *a, const struct root_keys *b)
{
    if (trusted_count(a) != trusted_count(b))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        const struct root_key *other = is_trusted(&b->keys[i]) ? find_key(a, b->keys[i].text) : NULL;
        if (is_trusted(&b->keys[i]) && !(other && is_trusted(other)))
            return false;
    }
    return true;
}

bool root_keys_update(struct root_keys *keys, const char *const *seen, size_t seen_count, int64_t now_s)
{
    struct root_keys before = *keys;
    bool present[ROOT_KEYS_MAX] = {false};
    char rdata[2 * ROOT_KEY_TEXT_MAX], text[ROOT_KEY_TEXT_MAX];
    unsigned flags;
    for (size_t i = 0; i < seen_count; i++) {
        snprintf(rdata, sizeof rdata, "%s", seen[i]);
        if (parse_key(rdata, &flags, text) == 0)
            see_key(keys, present, flags, text, now_s);
    }
    miss_keys(keys, present, now_s);
    if (trusted_count(keys) == 0)
        *keys = before;
    return !same_trust(keys, &before);
}

/* The records of the truth's answer, as a message again. */
static int open_answer(const struct truth *truth, struct arena *arena, struct message_reader *reader)
{
    size_t length = DNS_HEADER_BYTES + truth->name_length + 4u + truth->plain.length;
    uint8_t *message = arena_zalloc(arena, length), *at = message + DNS_HEADER_BYTES;
    if (!message)
        return ERR_NOMEM;
    store_u16(message + 4, 1);
    store_u16(message + 6, truth->plain.counts[SECTION_ANSWER]);
    memcpy(at, truth->name, truth->name_length);
    store_u16(at + truth->name_length, truth->qtype);
    store_u16(at + truth->name_length + 2, CLASS_IN);
    memcpy(at + truth->name_length + 4, truth->plain.bytes, truth->plain.length);
    return message_open(reader, message, length);
}

static int update_from(struct root_keys *keys, const struct truth *truth, int64_t now_s, struct arena *arena,
                       bool *changed)
{
    struct message_reader reader;
    struct message_record record;
    const char *seen[64];
    size_t count = 0;
    int got = open_answer(truth, arena, &reader);
    while (got == 0 && count < sizeof seen / sizeof *seen && message_next(&reader, &record) > 0) {
        char *text = arena_alloc(arena, 2 * ROOT_KEY_TEXT_MAX);
        if (record.type != TYPE_DNSKEY || !text)
            continue;
        seen[count++] =
            rdata_to_text(record.type, record.rdata, record.rdata_length, text, 2 * ROOT_KEY_TEXT_MAX);
    }
    if (got == 0)
        *changed = root_keys_update(keys, seen, count, now_s);
    return got;
}

int root_keys_update_from(struct root_keys *keys, const struct truth *truth, int64_t now_s, bool *changed)
{
    struct arena arena;
    *changed = false;
    if (truth->security != TRUTH_SECURE || truth->failed || truth->qtype != TYPE_DNSKEY ||
        !name_is_root(truth->name) || !truth->plain.counts[SECTION_ANSWER])
        return ERR_REFUSED;
    arena_init(&arena, 0);
    int error = update_from(keys, truth, now_s, &arena, changed);
    arena_fini(&arena);
    return error;
}

char *root_keys_clauses(const struct root_keys *keys)
{
    struct text_stream text;
    if (text_stream_begin(&text))
        return NULL;
    fputs("server:\n", text.to);
    for (size_t i = 0; i < keys->count; i++)
        if (is_trusted(&keys->keys[i]))
            fprintf(text.to, "  trust-anchor: \". IN DNSKEY 257 %s\"\n", keys->keys[i].text);
    return text_stream_end(&text);
}
