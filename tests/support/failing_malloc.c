/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out when a test says so: preloaded (LD_PRELOAD), it fails the allocations that the file
 * named by FAILING_MALLOC tells. tests/support/memory.py writes that file. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Shared with the test, in the order in which it packs them. */
struct orders {
    _Atomic int64_t asked;  /* allocations since `first` was set */
    _Atomic int64_t first;  /* the first one that fails, from 1 on; 0: none */
    _Atomic int64_t many;   /* how many fail from there on */
    _Atomic int64_t own;    /* 1: only those that the program itself asks for, not its libraries */
    _Atomic int64_t failed; /* how many have */
};

static struct orders *orders;
static uintptr_t program_start, program_end;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static int (*next_memalign)(void **, size_t, size_t);
static void *(*next_mmap)(void *, size_t, int, int, int, off_t);

/* What is asked for before this library has begun (its calls of others do not work yet) comes from here, and
 * is never given back. */
static uint8_t early[1 << 20];
static size_t early_used;

static void *take_early(size_t size)
{
    size_t at = (early_used + 15) & ~(size_t)15;
    if (size > sizeof early - at)
        _exit(99);
    early_used = at + size;
    return early + at;
}

static bool is_early(const void *at)
{
    return (const uint8_t *)at >= early && (const uint8_t *)at < early + sizeof early;
}

static void find_next(void)
{
    next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    next_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    next_mmap = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}

static int look_at_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    program_start = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uintptr_t end = start + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        program_start = start < program_start ? start : program_start;
        program_end = end > program_end ? end : program_end;
    }
    return 1; /* the first one is the program */
}

__attribute__((constructor)) static void begin(void)
{
    void *frame;
    find_next();
    backtrace(&frame, 1); /* its first call asks for memory */
    const char *path = getenv("FAILING_MALLOC");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    dl_iterate_phdr(look_at_program, NULL);
    void *at = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        orders = at;
}

/* The log shall tell whose allocation it was that failed first. */
static void say(void)
{
    static const char text[] = "failing_malloc: no memory for\n";
    void *frames[24];
    backtrace_symbols_fd(frames, write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 0 : backtrace(frames, 24),
                         STDERR_FILENO);
}

static bool fails(const void *caller)
{
    int64_t first = orders ? atomic_load(&orders->first) : 0;
    bool own = (uintptr_t)caller >= program_start && (uintptr_t)caller < program_end;
    if (!first || (atomic_load(&orders->own) && !own))
        return false;
    int64_t number = atomic_fetch_add(&orders->asked, 1) + 1;
    if (number < first || number - first >= atomic_load(&orders->many))
        return false;
    if (!atomic_fetch_add(&orders->failed, 1))
        say();
    errno = ENOMEM;
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    if (!next_malloc)
        return take_early(size);
    return fails(CALLER) ? NULL : next_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (!next_malloc)
        return take_early(count * size); /* zero, as it was at the start */
    return fails(CALLER) ? NULL : next_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    if (is_early(old)) {
        size_t most = (size_t)(early + sizeof early - (uint8_t *)old);
        uint8_t *new = malloc(size);
        for (size_t i = 0; new &&i < size &&i < most; i++)
            new[i] = ((uint8_t *)old)[i];
        return new;
    }
    if (!next_malloc)
        return take_early(size);
    return fails(CALLER) ? NULL : next_realloc(old, size);
}

void free(void *at)
{
    if (at && !is_early(at) && next_free)
        next_free(at);
}

static void *aligned(size_t alignment, size_t size)
{
    void *at = NULL;
    if (alignment < sizeof at)
        alignment = sizeof at;
    return next_memalign && !next_memalign(&at, alignment, size) ? at : NULL;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *at = fails(CALLER) ? NULL : aligned(alignment, size);
    if (at)
        *out = at;
    return at ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : aligned(alignment, size);
}

void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!next_mmap)
        return (void *)syscall(SYS_mmap, where, size, protection, flags, fd, offset);
    return fails(CALLER) ? MAP_FAILED : next_mmap(where, size, protection, flags, fd, offset);
}

static char *copy_text(const char *text, size_t length, const void *caller)
{
    char *copy = fails(caller) ? NULL : next_malloc ? next_malloc(length + 1) : take_early(length + 1);
    for (size_t i = 0; copy && i < length; i++)
        copy[i] = text[i];
    if (copy)
        copy[length] = '\0';
    return copy;
}

char *strdup(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return copy_text(text, length, CALLER);
}

char *strndup(const char *text, size_t most)
{
    size_t length = 0;
    while (length < most && text[length])
        length++;
    return copy_text(text, length, CALLER);
}
