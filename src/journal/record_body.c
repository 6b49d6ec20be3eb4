/* The members of a record that its kind brings along, as JSON: its strings are UTF-8, with escapes. */
#include "journal/record.h"

#include <string.h>

#include "base/utf8.h"

#define ESCAPE_MAX 6 /* \u001f */

/* One character as JSON has it; *used of the text. Returns its length. */
static size_t escape(char to[ESCAPE_MAX], const uint8_t *text, size_t *used)
{
    size_t length = *used = utf8_character_length(text);

    if (length == 0) {
        *used = 1;
        to[0] = '?';
        return 1;
    }
    if (text[0] < ' ' || text[0] == 0x7f) {
        memcpy(to, "\\u00", 4);
        record_put_hex(to + 4, text, 1);
        return 6;
    }
    if (text[0] == '"' || text[0] == '\\') {
        to[0] = '\\';
        to[1] = (char)text[0];
        return 2;
    }
    memcpy(to, text, length);
    return length;
}

/* ,"name": if so many bytes still fit after it. */
static bool begin(struct record_body *body, const char *name, size_t more)
{
    size_t length = 0;

    while (length < JOURNAL_KIND_MAX && name[length] != '\0')
        length++;
    if (body->length + length + 4 + more > sizeof body->bytes)
        return false;
    memcpy(body->bytes + body->length, ",\"", 2);
    memcpy(body->bytes + body->length + 2, name, length);
    memcpy(body->bytes + body->length + 2 + length, "\":", 2);
    body->length += length + 4;
    return true;
}

void record_add_text(struct record_body *body, const char *name, const char *value)
{
    char piece[ESCAPE_MAX];
    size_t used = 0, length = 0;

    if (value == NULL || !begin(body, name, 2 + ESCAPE_MAX))
        return;
    body->bytes[body->length++] = '"';
    for (const uint8_t *at = (const uint8_t *)value; *at != '\0'; at += used) {
        length = escape(piece, at, &used);
        if (body->length + length + 1 > sizeof body->bytes)
            break;
        memcpy(body->bytes + body->length, piece, length);
        body->length += length;
    }
    body->bytes[body->length++] = '"';
}

void record_add_number(struct record_body *body, const char *name, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    if (!begin(body, name, sizeof digits - at))
        return;
    memcpy(body->bytes + body->length, digits + at, sizeof digits - at);
    body->length += sizeof digits - at;
}

void record_add_hex(struct record_body *body, const char *name, const uint8_t *bytes, size_t count)
{
    if (!begin(body, name, 2 * count + 2))
        return;
    body->bytes[body->length++] = '"';
    record_put_hex(body->bytes + body->length, bytes, count);
    body->length += 2 * count;
    body->bytes[body->length++] = '"';
}
