/* Building and parsing the lines of the journal.
 *
 * There is one way to write a record, and only that is read: a verifier that accepted two spellings of a number would accept
 * a change that nobody made.
 */
#include "journal/record.h"

#include <string.h>

#include "base/must.h"

#define US_PER_SECOND INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define WALL_END_US (INT64_C(253402300800) * US_PER_SECOND) /* the year 10000 */

#define HEX_LETTERS(bytes) (2 * (size_t)(bytes))
#define PREV_OPEN ",\"prev\":\""
#define MAC_OPEN ",\"mac\":\""
#define LINE_END "\"}\n"
#define LETTERS(text) (sizeof(text) - 1)

/* {"seq":20,"wall":"27","mono":20,"kind":"32" ... and what follows the body */
_Static_assert(8 + 20 + 9 + RECORD_WALL_LETTERS + 1 + 8 + 20 + 9 + JOURNAL_KIND_MAX + 1 +
                       JOURNAL_BODY_MAX + 2 * (10 + 2 * JOURNAL_HASH_BYTES) + 4 <=
                   JOURNAL_LINE_MAX,
               "every record fits its line");

/* ---- writing ---- */

struct pen {
    char *to;
    size_t length;
};

static void put(struct pen *pen, const void *bytes, size_t length)
{
    memcpy(pen->to + pen->length, bytes, length);
    pen->length += length;
}

static void put_number(struct pen *pen, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    put(pen, digits + at, sizeof digits - at);
}

void record_put_hex(char *text, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static void put_hex(struct pen *pen, const uint8_t *bytes, size_t count)
{
    record_put_hex(pen->to + pen->length, bytes, count);
    pen->length += HEX_LETTERS(count);
}

/* ---- dates: the calendar repeats after 400 years, and years that begin in March end with the odd day ---- */

#define ERA_DAYS 146097
#define ERA_YEARS 400
#define MARCH_0000_TO_1970 719468

struct date {
    int64_t year, month, day;
};

static struct date date_of(int64_t days)
{
    int64_t since = days + MARCH_0000_TO_1970, era = since / ERA_DAYS, day = since % ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    struct date date = {era * ERA_YEARS + year + (month >= 10), month < 10 ? month + 3 : month - 9,
                        of_year - (153 * month + 2) / 5 + 1};

    return date;
}

static int64_t days_of(struct date date)
{
    int64_t year = date.year - (date.month <= 2), era = year / ERA_YEARS;
    int64_t of_era = year % ERA_YEARS, month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t of_year = (153 * month + 2) / 5 + date.day - 1;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - MARCH_0000_TO_1970;
}

static void put_digits(char *to, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
}

void record_put_wall(char text[RECORD_WALL_LETTERS], int64_t wall_us)
{
    int64_t in = wall_us < 0 ? 0 : wall_us >= WALL_END_US ? WALL_END_US - 1 : wall_us;
    int64_t seconds = in / US_PER_SECOND, of_day = seconds % DAY_S;
    struct date date = date_of(seconds / DAY_S);

    memcpy(text, "0000-00-00T00:00:00.000000Z", RECORD_WALL_LETTERS);
    put_digits(text, date.year, 4);
    put_digits(text + 5, date.month, 2);
    put_digits(text + 8, date.day, 2);
    put_digits(text + 11, of_day / 3600, 2);
    put_digits(text + 14, of_day / 60 % 60, 2);
    put_digits(text + 17, of_day % 60, 2);
    put_digits(text + 20, in % US_PER_SECOND, 6);
}

/* ---- a line ---- */

static void put_head(struct pen *pen, const struct record *record)
{
    must(record->kind_length > 0 && record->kind_length <= JOURNAL_KIND_MAX);
    must(record->body_length <= JOURNAL_BODY_MAX);
    must(record->time.mono_us >= 0);
    put(pen, "{\"seq\":", 7);
    put_number(pen, record->seq);
    put(pen, ",\"wall\":\"", 9);
    record_put_wall(pen->to + pen->length, record->time.wall_us);
    pen->length += RECORD_WALL_LETTERS;
    put(pen, "\",\"mono\":", 9);
    put_number(pen, (uint64_t)record->time.mono_us);
    put(pen, ",\"kind\":\"", 9);
    put(pen, record->kind, record->kind_length);
    put(pen, "\"", 1);
    put(pen, record->body, record->body_length);
}

size_t record_build(char line[JOURNAL_LINE_MAX], const struct record *record)
{
    struct pen pen = {line, 0};

    put_head(&pen, record);
    put(&pen, PREV_OPEN, LETTERS(PREV_OPEN));
    put_hex(&pen, record->prev, JOURNAL_HASH_BYTES);
    if (record->is_seal)
        put(&pen, "\"", 1);
    else
        put(&pen, LINE_END, LETTERS(LINE_END));
    return pen.length;
}

size_t record_close_seal(char line[JOURNAL_LINE_MAX], size_t length,
                         const uint8_t mac[JOURNAL_HASH_BYTES])
{
    struct pen pen = {line, length};

    put(&pen, MAC_OPEN, LETTERS(MAC_OPEN));
    put_hex(&pen, mac, JOURNAL_HASH_BYTES);
    put(&pen, LINE_END, LETTERS(LINE_END));
    return pen.length;
}

/* ---- reading ---- */

struct eye {
    const char *at, *end;
};

static bool take(struct eye *eye, const char *text)
{
    const char *at = eye->at;

    for (; *text != '\0'; text++, at++)
        if (at == eye->end || *at != *text)
            return false;
    eye->at = at;
    return true;
}

/* As put_number writes them: no zero before another digit. */
static bool take_number(struct eye *eye, uint64_t *value)
{
    const char *begin = eye->at;

    for (*value = 0; eye->at < eye->end && *eye->at >= '0' && *eye->at <= '9'; eye->at++) {
        uint64_t digit = (uint64_t)(*eye->at - '0');

        if (*value > (UINT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return eye->at > begin && (*begin != '0' || eye->at == begin + 1);
}

static int nibble(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool record_get_hex(uint8_t *bytes, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool take_hex(struct eye *eye, uint8_t *bytes, size_t count)
{
    if ((size_t)(eye->end - eye->at) < HEX_LETTERS(count) || !record_get_hex(bytes, eye->at, count))
        return false;
    eye->at += HEX_LETTERS(count);
    return true;
}

/* Digits as they are; whether they are a date shows when they are written back. */
static int64_t get_digits(const char *from, int count)
{
    int64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value * 10 + (from[i] - '0');
    return value;
}

static bool take_wall(struct eye *eye, int64_t *wall_us)
{
    char again[RECORD_WALL_LETTERS];
    const char *at = eye->at;

    if (eye->end - at < RECORD_WALL_LETTERS)
        return false;
    for (int i = 0; i < RECORD_WALL_LETTERS; i++)
        if ((at[i] < '0' || at[i] > '9') && i != 4 && i != 7 && i != 10 && i != 13 && i != 16 &&
            i != 19 && i != 26)
            return false;
    struct date date = {get_digits(at, 4), get_digits(at + 5, 2), get_digits(at + 8, 2)};
    int64_t of_day =
        get_digits(at + 11, 2) * 3600 + get_digits(at + 14, 2) * 60 + get_digits(at + 17, 2);

    if (date.year < 1970 || date.year > 9999 || date.month < 1 || date.month > 12)
        return false;
    *wall_us = (days_of(date) * DAY_S + of_day) * US_PER_SECOND + get_digits(at + 20, 6);
    record_put_wall(again, *wall_us);
    eye->at += RECORD_WALL_LETTERS;
    return memcmp(again, at, RECORD_WALL_LETTERS) == 0;
}

static bool take_kind(struct eye *eye, struct record *record)
{
    record->kind = eye->at;
    while (eye->at < eye->end && ((*eye->at >= 'a' && *eye->at <= 'z') || *eye->at == '-' ||
                                  (*eye->at >= '0' && *eye->at <= '9')))
        eye->at++;
    record->kind_length = (size_t)(eye->at - record->kind);
    return record->kind_length > 0 && record->kind_length <= JOURNAL_KIND_MAX && take(eye, "\"");
}

static bool take_head(struct eye *eye, struct record *record)
{
    uint64_t mono;

    if (!take(eye, "{\"seq\":") || !take_number(eye, &record->seq) || record->seq == 0 ||
        !take(eye, ",\"wall\":\"") || !take_wall(eye, &record->time.wall_us) ||
        !take(eye, "\",\"mono\":") || !take_number(eye, &mono) || mono > INT64_MAX)
        return false;
    record->time.mono_us = (int64_t)mono;
    return take(eye, ",\"kind\":\"") && take_kind(eye, record);
}

static bool take_tail(struct eye *eye, struct record *record, const char *line)
{
    if (!take(eye, PREV_OPEN) || !take_hex(eye, record->prev, JOURNAL_HASH_BYTES))
        return false;
    if (record->is_seal) {
        if (!take(eye, "\""))
            return false;
        record->seal.signed_length = (size_t)(eye->at - line);
        if (!take(eye, MAC_OPEN) || !take_hex(eye, record->seal.mac, JOURNAL_HASH_BYTES))
            return false;
    }
    return take(eye, LINE_END) && eye->at == eye->end;
}

/* ,"why":"word","epoch":7,"key":"0011223344556677" */
static bool read_seal(struct record *record)
{
    struct eye eye = {record->body, record->body + record->body_length};
    struct record_seal *seal = &record->seal;

    if (!take(&eye, ",\"why\":\""))
        return false;
    while (eye.at < eye.end && *eye.at >= 'a' && *eye.at <= 'z')
        eye.at++;
    return take(&eye, "\",\"epoch\":") && take_number(&eye, &seal->epoch) &&
           take(&eye, ",\"key\":\"") && take_hex(&eye, seal->key_id, JOURNAL_KEY_ID_BYTES) &&
           take(&eye, "\"") && eye.at == eye.end;
}

bool record_parse(struct record *record, const char *line, size_t length)
{
    struct eye eye = {line, line + length};
    size_t tail = LETTERS(PREV_OPEN) + HEX_LETTERS(JOURNAL_HASH_BYTES) + LETTERS(LINE_END);

    *record = (struct record){0};
    if (length > JOURNAL_LINE_MAX || length == 0 || line[length - 1] != '\n' ||
        !take_head(&eye, record))
        return false;
    for (const char *at = eye.at; at < eye.end - 1; at++)
        if ((unsigned char)*at < ' ')
            return false;
    record->is_seal = record_is(record, JOURNAL_KIND_SEAL);
    if (record->is_seal)
        tail += 1 + LETTERS(MAC_OPEN) + HEX_LETTERS(JOURNAL_HASH_BYTES);
    if ((size_t)(eye.end - eye.at) < tail)
        return false;
    record->body = eye.at;
    record->body_length = (size_t)(eye.end - eye.at) - tail;
    if (record->body_length > JOURNAL_BODY_MAX || (record->body_length > 0 && *eye.at != ','))
        return false;
    eye.at += record->body_length;
    return take_tail(&eye, record, line) && (!record->is_seal || read_seal(record));
}

bool record_is(const struct record *record, const char *kind)
{
    size_t i = 0;

    while (i < record->kind_length && record->kind[i] == kind[i])
        i++;
    return i == record->kind_length && kind[i] == '\0';
}

bool record_first_number(const struct record *record, const char *name, uint64_t *value)
{
    struct eye eye = {record->body, record->body + record->body_length};

    return take(&eye, ",\"") && take(&eye, name) && take(&eye, "\":") && take_number(&eye, value);
}
