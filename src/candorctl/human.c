/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/human.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- numbers and times --- */

char *human_bytes(int64_t bytes, char *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    snprintf(out, HUMAN_MAX, unit && value < 9.995 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

char *human_count(int64_t count, char *out)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    char *at = out;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-')
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return out;
}

char *human_duration(int64_t seconds, char *out)
{
    static const struct {
        int64_t large_s, small_s;
        const char *large, *small;
    } scales[] = {{86400, 3600, "d", "h"}, {3600, 60, "h", "min"}, {60, 1, "min", "s"}};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        if (seconds < scales[i].large_s)
            continue;
        int64_t rest = seconds % scales[i].large_s / scales[i].small_s;
        int used = snprintf(out, HUMAN_MAX, "%" PRId64 " %s", seconds / scales[i].large_s, scales[i].large);
        if (rest)
            snprintf(out + used, HUMAN_MAX - (size_t)used, " %" PRId64 " %s", rest, scales[i].small);
        return out;
    }
    snprintf(out, HUMAN_MAX, "%" PRId64 " s", seconds);
    return out;
}

char *human_time(int64_t when, int64_t now, char *out)
{
    char ago[HUMAN_MAX];
    struct tm parts;
    time_t time = (time_t)when;
    if (!when || !localtime_r(&time, &parts)) {
        strcpy(out, "never");
        return out;
    }
    size_t used = strftime(out, HUMAN_MAX, "%Y-%m-%d %H:%M:%S", &parts);
    if (now >= when)
        snprintf(out + used, HUMAN_MAX - used, " (%.30s ago)", human_duration(now - when, ago));
    return out;
}

char *human_mailbox(const char *rname, char *out, size_t size)
{
    size_t used = 0;
    bool local = true;
    for (const char *at = rname; *at && used + 1 < size; at++) {
        if (*at == '\\' && at[1])
            out[used++] = *++at;
        else if (*at == '.' && local && at[1]) {
            out[used++] = '@';
            local = false;
        } else if (*at != '.' || at[1])
            out[used++] = *at;
    }
    out[used] = 0;
    return out;
}

/* --- tables --- */

static void *need(void *memory)
{
    if (!memory) {
        fputs("candorctl: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void table_row(struct table *table, const char *const *cells)
{
    table->cells = need(realloc(table->cells, (table->rows + 1) * sizeof *table->cells));
    char **row = need(calloc(table->columns, sizeof *row));
    for (size_t i = 0; i < table->columns; i++)
        row[i] = need(strdup(cells[i] ? cells[i] : ""));
    table->cells[table->rows++] = row;
}

void table_begin(struct table *table, const char *first, ...)
{
    const char *cells[TABLE_COLUMNS];
    va_list more;
    *table = (struct table){0};
    va_start(more, first);
    for (const char *text = first; text && table->columns < TABLE_COLUMNS;
         text = va_arg(more, const char *)) {
        table->right[table->columns] = *text == '>';
        cells[table->columns++] = text + (*text == '>');
    }
    va_end(more);
    table_row(table, cells);
}

/* Width of what is in a column, in characters (UTF-8 continuations do not count); 0: nothing but the heading.
 */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t widest = 0;
    for (size_t row = 1; row < table->rows; row++) {
        size_t width = width_of(table->cells[row][column]);
        widest = width > widest ? width : widest;
    }
    size_t heading = width_of(table->cells[0][column]);
    return widest && heading > widest ? heading : widest;
}

static void print_row(const struct table *table, size_t row, const size_t *widths, FILE *out)
{
    size_t pending = 0; /* spaces are printed before the next cell only: no line ends with them */
    for (size_t i = 0; i < table->columns; i++) {
        if (!widths[i])
            continue;
        const char *cell = table->cells[row][i];
        size_t fill = widths[i] - width_of(cell);
        if (table->right[i])
            pending += fill;
        if (*cell) {
            fprintf(out, "%*s%s", (int)pending, "", cell);
            pending = 0;
        }
        pending += (table->right[i] ? 0 : fill) + 2;
    }
    fputc('\n', out);
}

void table_print(struct table *table, FILE *out)
{
    size_t widths[TABLE_COLUMNS];
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = column_width(table, i);
    for (size_t row = 0; row < table->rows; row++) {
        print_row(table, row, widths, out);
        for (size_t i = 0; i < table->columns; i++)
            free(table->cells[row][i]);
        free(table->cells[row]);
    }
    free(table->cells);
    *table = (struct table){0};
}
