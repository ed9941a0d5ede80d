/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door to libidn2. */
#include <idn2.h>
#include <string.h>

#include "feed/lines.h"

int idn_to_ascii(struct span text, char *out, size_t size)
{
    char copy[1024], *ascii = NULL;
    size_t length = span_length(text);
    if (length >= sizeof copy || memchr(text.at, 0, length))
        return ERR_MALFORMED;
    memcpy(copy, text.at, length);
    copy[length] = 0;
    int error = idn2_to_ascii_8z(copy, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (error == IDN2_MALLOC)
        return ERR_NOMEM;
    if (error != IDN2_OK)
        return ERR_MALFORMED;
    length = strlen(ascii);
    int result = length < size ? (int)length : ERR_MALFORMED;
    if (result >= 0)
        memcpy(out, ascii, length);
    idn2_free(ascii);
    return result;
}
