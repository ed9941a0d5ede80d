/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One try: the download, the list, the arrival. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "candord/arrival.h"
#include "candord/feeds_file.h"
#include "candord/feeds_parts.h"
#include "dns/name.h"

/* --- the tag: what is remembered with a version --- */

struct tag {
    uint64_t settings, fingerprint;
    char etag[FETCH_ETAG_MAX], last_modified[FETCH_DATE_MAX];
};

uint64_t feeds_settings(const struct feed_config *feed)
{
    const struct feed_action *action = &feed->action;
    uint64_t hash = hash_bytes(1, feed->url, strlen(feed->url));
    hash = hash_bytes(hash + feed->format, &action->action, sizeof action->action);
    if (action->cname)
        hash = hash_bytes(hash, action->cname, name_length(action->cname));
    for (size_t i = 0; i < 2; i++)
        hash = hash_bytes(hash + action->addresses[i].family, action->addresses[i].bytes, 16);
    return hash;
}

static void write_tag(const struct tag *tag, char *out, size_t size)
{
    snprintf(out, size, "feed 1 %016" PRIx64 " %016" PRIx64 "\n%s\n%s", tag->settings, tag->fingerprint,
             tag->etag, tag->last_modified);
}

static void take_line(const char **at, char *out, size_t size)
{
    size_t length = strcspn(*at, "\n");
    snprintf(out, size, "%.*s", (int)(length < size ? length : 0), *at);
    *at += length + ((*at)[length] == '\n');
}

/* False: there is none, or it was made under other settings. */
static bool read_tag(const char *text, uint64_t settings, struct tag *out)
{
    char first[64];
    *out = (struct tag){0};
    take_line(&text, first, sizeof first);
    if (sscanf(first, "feed 1 %" SCNx64 " %" SCNx64, &out->settings, &out->fingerprint) != 2 ||
        out->settings != settings)
        return false;
    take_line(&text, out->etag, sizeof out->etag);
    take_line(&text, out->last_modified, sizeof out->last_modified);
    return true;
}

/* --- one try --- */

/* What is carried from the try to the end of its arrival. */
struct attempt {
    struct feed_entry *entry;
    struct feeds *feeds;
    struct config_holder *holder;
    const struct zone_config *zone;
    struct fetch_result result;
    struct feed_report report;
    struct tag tag;
    bool known; /* `tag` is that of the latest version */
    bool was_read;
    struct zone_content *latest; /* until the list is read; NULL: none */
    uint32_t serial;             /* of it; 0: none */
    uint64_t began_ms;
    char problem[512];
};

static bool is_cancelled(void *context)
{
    return atomic_load(&((struct feed_run *)context)->feeds->cancelled);
}

static int download(struct feed_run *run, struct attempt *a, struct zone_progress *progress)
{
    const struct fetch_request request = {.url = run->zone->feed->url,
                                          .ca_file = run->zone->feed->ca_file,
                                          .etag = a->known ? a->tag.etag : NULL,
                                          .last_modified = a->known ? a->tag.last_modified : NULL,
                                          .max_bytes = run->zone->feed->max_bytes,
                                          .timeout_s = run->zone->feed->timeout_s,
                                          .resolve = feeds_addresses,
                                          .cancelled = is_cancelled,
                                          .context = run,
                                          .progress_bytes = progress ? &progress->bytes : NULL};
    int error = fetch(&request, &a->result);
    if (error)
        snprintf(a->problem, sizeof a->problem, "%s", a->result.problem);
    return error;
}

static int read_list(struct feed_run *run, struct attempt *a, struct zone_progress *progress,
                     struct zone_content **out)
{
    struct feed_options options = feeds_options(run->zone, feed_serial_next(a->serial, clock_wall_s()));
    options.old = a->latest;
    options.progress_records = progress ? &progress->records : NULL;
    int error = feed_read(a->result.body, a->result.length, &options, out, &a->report);
    a->was_read = true;
    if (error)
        snprintf(a->problem, sizeof a->problem, "%s",
                 a->report.problem[0] ? a->report.problem : err_text(error));
    return error;
}

/* --- the end of an arrival --- */

static void save_copy(const struct attempt *a)
{
    const char *path = a->zone->file;
    int error = path && a->result.body ? feeds_file_save(path, a->result.body, a->result.length) : 0;
    if (error)
        log_write(LOG_XFER_IN, LEVEL_ERROR, "feed %s: the copy %s cannot be written: %s", a->zone->name_text,
                  path, err_text(error));
}

static void end_attempt(struct attempt *a, int error, const char *problem)
{
    struct feed_outcome outcome = {.error = error,
                                   .status = a->result.status,
                                   .retry_after_s = a->result.retry_after_s,
                                   .etag = error ? NULL : a->tag.etag,
                                   .problem = error ? problem : NULL,
                                   .report = a->was_read ? &a->report : NULL};
    feeds_done(a->entry, &outcome);
    fetch_result_fini(&a->result);
    config_holder_unref(a->holder);
    free(a);
}

static void arrived(struct arrival *arrival)
{
    struct attempt *a = arrival->context;
    bool failed = arrival->kind == ARRIVAL_FAILED;
    if (!failed && !arrival->error && !arrival->held)
        save_copy(a);
    end_attempt(a, failed ? ERR_REFUSED : arrival->error, arrival->problem);
    arrival_free(arrival);
}

/* Under the lock, so that nothing is delivered once the daemon is ending. */
static bool deliver(struct feeds *feeds, struct arrival *arrival)
{
    pthread_mutex_lock(&feeds->lock);
    bool may = !atomic_load(&feeds->cancelled);
    if (may)
        arrival_deliver(feeds->daemon, arrival);
    pthread_mutex_unlock(&feeds->lock);
    return may;
}

static struct arrival *make_arrival(struct feed_run *run, struct attempt *a, enum arrival_kind kind)
{
    struct arrival *arrival = arrival_new(kind, ARRIVAL_FEED, run->view_name, run->zone->name);
    if (!arrival)
        return NULL;
    snprintf(arrival->from, sizeof arrival->from, "%.255s", run->zone->feed->shown_url);
    snprintf(arrival->problem, sizeof arrival->problem, "%s", a->problem);
    arrival->bytes = a->result.received_bytes;
    arrival->took_ms = (uint32_t)(clock_mono_ms() - a->began_ms);
    arrival->done = arrived;
    arrival->context = a;
    if (kind != ARRIVAL_FAILED)
        write_tag(&a->tag, arrival->tag, sizeof arrival->tag);
    return arrival;
}

/* --- the try itself --- */

/* Sets what is known of the version that we have. */
static struct zone_progress *look_back(struct feed_run *run, struct attempt *a)
{
    struct zone_look look;
    bool kept = keeper_look(&run->feeds->daemon->keeper, run->view_name, run->zone->name, &look);
    a->latest = kept && look.latest ? zone_content_ref(look.latest) : NULL;
    a->serial = a->latest ? zone_content_serial(a->latest) : 0;
    a->known = kept && look.latest && read_tag(look.tag, feeds_settings(run->zone->feed), &a->tag);
    struct zone_progress *progress = kept ? look.progress : NULL;
    zone_look_fini(&look);
    return progress;
}

static void note_serial(const struct attempt *a, const struct zone_content *content)
{
    uint32_t serial = zone_content_serial(content);
    if (a->serial && (int32_t)(serial - a->serial) <= 0)
        log_write(LOG_XFER_IN, LEVEL_WARN,
                  "feed %s: the list has changed, but its serial went from %u to %u: who takes the zone from "
                  "us will not notice",
                  a->zone->name_text, a->serial, serial);
}

/* What has come: an arrival's kind, with its content in *out where there is some. */
static enum arrival_kind fetch_and_read(struct feed_run *run, struct attempt *a,
                                        struct zone_progress *progress, struct zone_content **out)
{
    uint64_t fingerprint = a->known ? a->tag.fingerprint : 0;
    if (download(run, a, progress))
        return ARRIVAL_FAILED;
    if (!a->result.unchanged && read_list(run, a, progress, out))
        return ARRIVAL_FAILED;
    a->tag.settings = feeds_settings(run->zone->feed);
    if (a->result.unchanged)
        return ARRIVAL_CONFIRMED;
    memcpy(a->tag.etag, a->result.etag, sizeof a->tag.etag);
    memcpy(a->tag.last_modified, a->result.last_modified, sizeof a->tag.last_modified);
    a->tag.fingerprint = a->report.fingerprint;
    if (a->known && a->report.fingerprint == fingerprint)
        return ARRIVAL_CONFIRMED;
    note_serial(a, *out);
    return ARRIVAL_WHOLE;
}

static void try_once(struct feed_run *run, struct attempt *a)
{
    struct zone_content *content = NULL;
    struct zone_progress *progress = look_back(run, a);
    if (progress)
        zone_progress_begin(progress, DOING_FETCH, 0);
    enum arrival_kind kind = fetch_and_read(run, a, progress, &content);
    if (progress)
        zone_progress_end(progress);
    zone_content_unref(a->latest);
    a->latest = NULL;
    struct arrival *arrival = make_arrival(run, a, kind);
    if (arrival && kind == ARRIVAL_WHOLE)
        arrival->whole = content;
    else
        zone_content_unref(content);
    if (arrival && deliver(run->feeds, arrival))
        return;
    arrival_free(arrival);
    end_attempt(a, arrival ? ERR_CLOSED : ERR_NOMEM, "given up");
}

void feeds_run(struct feed_run *run)
{
    struct attempt *a = calloc(1, sizeof *a);
    if (!a) {
        feeds_done(run->entry, &(struct feed_outcome){.error = ERR_NOMEM, .problem = err_text(ERR_NOMEM)});
        return;
    }
    a->entry = run->entry;
    a->feeds = run->feeds;
    a->holder = config_holder_ref(run->holder);
    a->zone = run->zone;
    a->began_ms = clock_mono_ms();
    try_once(run, a);
}
