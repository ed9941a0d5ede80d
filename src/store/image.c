/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of an image: mapped at the start, written beside and renamed. */
#include "store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "dns/name.h"
#include "rpz/image.h"
#include "store/parts.h"

/* Large pieces lie in large pages of the cache, which are mapped at once at the next start. But a kernel that
 * is not preemptible keeps its core from everything else while it copies one: 3 ms for 2 MB, a gap in a
 * worker's answers. */
enum { PIECE_BYTES = 512 << 10, LABEL_MAGIC = 0x435a494d /* "CZIM" */ };

struct store_image {
    _Atomic unsigned references;
    char *path;
    uint8_t origin[255];
    pthread_mutex_t lock; /* guards what follows */
    struct store_image_look state;
    struct zone_content *content; /* mapped, and not yet taken or forgotten */
    struct store_image_label content_label;
};

struct store_image *store_image_new(const char *path, const uint8_t *origin)
{
    struct store_image *image = calloc(1, sizeof *image);
    char *copy = strdup(path);
    if (!image || !copy) {
        free(image);
        free(copy);
        return NULL;
    }
    atomic_init(&image->references, 1);
    pthread_mutex_init(&image->lock, NULL);
    image->path = copy;
    name_copy(image->origin, origin);
    return image;
}

struct store_image *store_image_ref(struct store_image *image)
{
    atomic_fetch_add(&image->references, 1);
    return image;
}

void store_image_unref(struct store_image *image)
{
    if (!image || atomic_fetch_sub(&image->references, 1) > 1)
        return;
    zone_content_unref(image->content);
    pthread_mutex_destroy(&image->lock);
    free(image->path);
    free(image);
}

const char *store_image_path(const struct store_image *image)
{
    return image->path;
}

void store_image_look(struct store_image *image, struct store_image_look *out)
{
    pthread_mutex_lock(&image->lock);
    *out = image->state;
    pthread_mutex_unlock(&image->lock);
}

/* --- labels --- */

static void label_write(const struct store_image_label *label, uint8_t out[POLICY_IMAGE_LABEL_BYTES])
{
    memset(out, 0, POLICY_IMAGE_LABEL_BYTES);
    struct writer w = writer_of(out, POLICY_IMAGE_LABEL_BYTES);
    write_u32(&w, LABEL_MAGIC);
    write_u32(&w, 0);
    store_write_u64(&w, label->stamp);
    store_write_u64(&w, label->mark);
}

static int label_read(const uint8_t bytes[POLICY_IMAGE_LABEL_BYTES], struct store_image_label *out)
{
    struct reader r = reader_of(bytes, POLICY_IMAGE_LABEL_BYTES);
    uint32_t magic = read_u32(&r), form = read_u32(&r);
    out->stamp = store_read_u64(&r);
    out->mark = store_read_u64(&r);
    return magic == LABEL_MAGIC && form == 0 && out->mark ? 0 : ERR_UNSUPPORTED;
}

/* --- mapping --- */

struct mapping {
    void *at;
    size_t length;
};

static void unmap(void *context)
{
    struct mapping *mapping = context;
    munmap(mapping->at, mapping->length);
    free(mapping);
}

/* The checksum soon reads all of it in order, so that no question waits for the disk later; page by page it
 * is mapped in less time than all at once (MAP_POPULATE). */
static struct mapping *map_file(int fd, size_t length)
{
    struct mapping *mapping = malloc(sizeof *mapping);
    void *at = mapping ? mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED) {
        free(mapping);
        return NULL;
    }
    madvise(at, length, MADV_HUGEPAGE); /* so that what has to come from the disk comes in such pages */
    *mapping = (struct mapping){at, length};
    return mapping;
}

/* Takes the mapping over. */
static int make_content(const struct store_image *image, struct mapping *mapping, struct zone_content **out,
                        struct store_image_label *label)
{
    const struct policy_image_memory memory = {mapping->at, mapping->length, unmap, mapping};
    uint8_t bytes[POLICY_IMAGE_LABEL_BYTES];
    struct policy_zone *zone = NULL;
    int error = policy_image_label(memory.bytes, memory.length, image->origin, bytes);
    if (!error)
        error = label_read(bytes, label);
    if (!error)
        error = policy_image_open(&memory, image->origin, &zone);
    if (error) {
        unmap(mapping);
        return error;
    }
    *out = zone_content_policy(zone);
    policy_zone_unref(zone);
    return *out ? 0 : ERR_NOMEM;
}

static int open_image(struct store_image *image, struct zone_content **out, struct store_image_label *label,
                      uint64_t *bytes)
{
    struct stat is;
    int fd = open(image->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    int error = fstat(fd, &is) ? err_from_errno(errno) : 0;
    if (!error && (!S_ISREG(is.st_mode) || !is.st_size))
        error = ERR_MALFORMED;
    struct mapping *mapping = error ? NULL : map_file(fd, (size_t)is.st_size);
    if (!error)
        error = mapping ? make_content(image, mapping, out, label) : ERR_NOMEM;
    *bytes = error ? 0 : (uint64_t)is.st_size;
    close(fd);
    return error;
}

static void say_unusable(const struct store_image *image, int error)
{
    char name[NAME_TEXT_MAX];
    const char *why = error == ERR_MALFORMED     ? "it is damaged, or no image"
                      : error == ERR_INVALID     ? "it is another zone's"
                      : error == ERR_UNSUPPORTED ? "it is of another release or machine"
                      : error == ERR_EXISTS      ? "it does not go together with the images of other zones"
                                                 : err_text(error);
    bool harmless = error == ERR_UNSUPPORTED || error == ERR_EXISTS;
    log_write(LOG_ZONELOAD, harmless ? LEVEL_NOTICE : LEVEL_WARN,
              "zone %s/IN: %s is not used: %s; the zone is built from its records",
              name_to_text_nodot(image->origin, name), image->path, why);
}

/* What a process that was killed has left of a new image. */
static void remove_half(const struct store_image *image)
{
    char path[PATH_MAX];
    int fd = snprintf(path, sizeof path, "%s.new", image->path) < (int)sizeof path
                 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
                 : -1;
    if (fd >= 0 && file_lock(fd) == 0)
        unlink(path);
    if (fd >= 0)
        close(fd);
}

bool store_image_open(struct store_image *image)
{
    uint64_t began_ms = clock_mono_ms();
    struct zone_content *content = NULL;
    struct store_image_label label = {0};
    uint64_t bytes = 0;
    remove_half(image);
    int error = open_image(image, &content, &label, &bytes);
    if (error && error != ERR_NOT_FOUND)
        say_unusable(image, error);
    if (error)
        return false;
    pthread_mutex_lock(&image->lock);
    zone_content_unref(image->content);
    image->content = content;
    image->content_label = image->state.label = label;
    image->state.bytes = bytes;
    image->state.open_ms = (uint32_t)(clock_mono_ms() - began_ms);
    pthread_mutex_unlock(&image->lock);
    return true;
}

struct zone_content *store_image_content(struct store_image *image, struct store_image_label *label)
{
    pthread_mutex_lock(&image->lock);
    struct zone_content *content = image->content;
    *label = image->content_label;
    pthread_mutex_unlock(&image->lock);
    return content;
}

void store_image_forget(struct store_image *image, bool used)
{
    pthread_mutex_lock(&image->lock);
    struct zone_content *content = image->content;
    image->content = NULL;
    image->state.used = content ? used : image->state.used;
    pthread_mutex_unlock(&image->lock);
    zone_content_unref(content);
}

/* --- writing --- */

struct writing {
    struct store_image *image;
    struct zone_content *content;
    struct store_image_label label;
};

struct output {
    int fd;
    uint8_t *piece;
    size_t used;
    uint64_t at;
};

static int flush(struct output *output)
{
    int error = file_write(output->fd, output->piece, output->used, output->at);
    output->at += output->used;
    output->used = 0;
    return error;
}

static int put(void *context, const void *bytes, size_t length)
{
    struct output *output = context;
    const uint8_t *at = bytes;
    int error = 0;
    while (length && !error) {
        size_t room = PIECE_BYTES - output->used, part = length < room ? length : room;
        memcpy(output->piece + output->used, at, part);
        output->used += part;
        at += part;
        length -= part;
        if (output->used == PIECE_BYTES)
            error = flush(output);
    }
    return error;
}

/* A new file that nobody else writes to: what had this name may have become an image a moment ago. */
static int make_new(const char *path)
{
    struct stat is, named;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    int error = file_lock(fd);
    if (!error && (fstat(fd, &is) || stat(path, &named)))
        error = err_from_errno(errno);
    if (!error && (is.st_dev != named.st_dev || is.st_ino != named.st_ino))
        error = ERR_EXISTS;
    if (!error && ftruncate(fd, 0))
        error = err_from_errno(errno);
    if (error)
        close(fd);
    return error ? error : fd;
}

static int write_file(const struct writing *writing, int fd, uint64_t *bytes)
{
    struct output output = {.fd = fd, .piece = malloc(PIECE_BYTES)};
    uint8_t label[POLICY_IMAGE_LABEL_BYTES];
    label_write(&writing->label, label);
    int error = output.piece
                    ? policy_image_write(zone_content_get_policy(writing->content), label, put, &output)
                    : ERR_NOMEM;
    if (!error)
        error = flush(&output);
    if (!error && fsync(fd))
        error = err_from_errno(errno);
    free(output.piece);
    *bytes = output.at;
    return error;
}

static int write_image(const struct writing *writing, uint64_t *bytes)
{
    const char *path = writing->image->path;
    char new_path[PATH_MAX];
    if (snprintf(new_path, sizeof new_path, "%s.new", path) >= (int)sizeof new_path)
        return ERR_SPACE;
    int fd = make_new(new_path);
    if (fd < 0)
        return fd;
    int error = file_replace(new_path, path, write_file(writing, fd, bytes));
    close(fd); /* the lock with it */
    return error;
}

static void say_result(const struct store_image *image, const char *problem, bool known)
{
    char name[NAME_TEXT_MAX];
    if (problem[0] && !known)
        log_write(LOG_ZONELOAD, LEVEL_WARN, "zone %s/IN: %s", name_to_text_nodot(image->origin, name),
                  problem);
    else if (!problem[0] && known)
        log_write(LOG_ZONELOAD, LEVEL_NOTICE, "zone %s/IN: %s is written again",
                  name_to_text_nodot(image->origin, name), image->path);
}

static void end_writing(struct writing *writing, int error, uint64_t bytes)
{
    struct store_image *image = writing->image;
    char problem[STORE_IMAGE_PROBLEM_MAX] = "";
    if (error)
        snprintf(problem, sizeof problem, "%s: %s; a restart will take longer", image->path, err_text(error));
    pthread_mutex_lock(&image->lock);
    bool known = image->state.problem[0];
    memcpy(image->state.problem, problem, sizeof problem);
    image->state.writing = false;
    image->state.tried_at_ms = clock_mono_ms();
    if (!error) {
        image->state.label = writing->label;
        image->state.bytes = bytes;
    }
    pthread_mutex_unlock(&image->lock);
    say_result(image, problem, known);
}

static void writing_free(struct writing *writing)
{
    zone_content_unref(writing->content);
    store_image_unref(writing->image);
    free(writing);
}

static void run_writing(void *context)
{
    struct writing *writing = context;
    uint64_t began_ms = clock_mono_ms(), bytes = 0;
    char name[NAME_TEXT_MAX];
    int error = write_image(writing, &bytes);
    if (!error)
        log_write(LOG_ZONELOAD, LEVEL_INFO, "zone %s/IN: serial %u is saved in %s (%llu bytes, %llu ms)",
                  name_to_text_nodot(writing->image->origin, name), zone_content_serial(writing->content),
                  writing->image->path, (unsigned long long)bytes,
                  (unsigned long long)(clock_mono_ms() - began_ms));
    end_writing(writing, error, bytes);
    writing_free(writing);
}

void store_image_write(struct store_image *image, struct store_helper *helper, struct zone_content *content,
                       const struct store_image_label *label)
{
    struct writing *writing = malloc(sizeof *writing);
    if (!writing)
        return;
    *writing = (struct writing){store_image_ref(image), zone_content_ref(content), *label};
    pthread_mutex_lock(&image->lock);
    image->state.writing = true;
    pthread_mutex_unlock(&image->lock);
    if (store_helper_run(helper, run_writing, writing) == 0)
        return;
    end_writing(writing, ERR_NOMEM, 0);
    writing_free(writing);
}
