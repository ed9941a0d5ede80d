/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version as a master file (RFC 1035 section 5), written aside and renamed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "store/parts.h"

enum { DATA_TEXT_MAX = 4 * 65535 + 64 };

struct text {
    FILE *file;
    char *data; /* room for the largest data as text */
};

static int write_record(void *context, const struct policy_record *record)
{
    struct text *text = context;
    char owner[NAME_TEXT_MAX];
    rdata_to_text(record->type, record->rdata, record->rdata_length, text->data, DATA_TEXT_MAX);
    int written = fprintf(text->file, "%s\t%u\tIN\t%s\t%s\n", name_to_text(record->owner, owner),
                          record->ttl_s, type_to_text(record->type), text->data);
    return written < 0 ? err_from_errno(errno) : 0;
}

static int write_all(struct text *text, const struct zone_content *content, const char *instead_of)
{
    struct stat old;
    int error = zone_content_each(content, write_record, text);
    if (!error && fflush(text->file))
        error = err_from_errno(errno);
    if (!error && stat(instead_of, &old) == 0 && fchmod(fileno(text->file), old.st_mode & 07777))
        error = err_from_errno(errno);
    if (!error && fsync(fileno(text->file)))
        error = err_from_errno(errno);
    return error;
}

int store_write_text(const struct zone_content *content, const char *path)
{
    char new_path[PATH_MAX];
    if (snprintf(new_path, sizeof new_path, "%s.new", path) >= (int)sizeof new_path)
        return ERR_SPACE;
    struct text text = {.file = fopen(new_path, "we"), .data = malloc(DATA_TEXT_MAX)};
    int error = !text.file ? err_from_errno(errno) : !text.data ? ERR_NOMEM : write_all(&text, content, path);
    if (text.file && fclose(text.file) && !error)
        error = err_from_errno(errno);
    free(text.data);
    return file_replace(new_path, path, error);
}
