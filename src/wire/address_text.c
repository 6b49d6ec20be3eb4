/* Addresses, prefixes and endpoints as text. [RFC 4291 2.2], and RFC 5952 for what is written.
 *
 * Strict on the way in: four decimal parts without leading zeros (some readers take them for octal), no zone, nothing
 * before or behind.
 */
#include <handfast/handfast.h>

#include "base/bytes.h"
#include "wire/flow.h"

/* A decimal number up to `limit` without leading zeros; NULL if there is none. */
static const char *read_decimal(const char *text, uint32_t limit, uint32_t *value)
{
    const char *start = text;
    uint32_t number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint32_t)(*text - '0');
        if (number > limit)
            return NULL;
    }
    if (text == start || (*start == '0' && text != start + 1))
        return NULL;
    *value = number;
    return text;
}

/* Four bytes of an IPv4 address; returns what follows, or NULL. */
static const char *read_v4(const char *text, uint8_t *bytes)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t part;

        if (i > 0 && *text++ != '.')
            return NULL;
        text = read_decimal(text, 255, &part);
        if (!text)
            return NULL;
        bytes[i] = (uint8_t)part;
    }
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One to four hexadecimal digits; returns what follows, or NULL. */
static const char *read_group(const char *text, uint8_t *bytes)
{
    uint32_t value = 0;
    unsigned digits = 0;

    for (; hex_digit(*text) >= 0; text++) {
        if (++digits > 4)
            return NULL;
        value = value << 4 | (uint32_t)hex_digit(*text);
    }
    if (digits == 0)
        return NULL;
    put_be16(bytes, (uint16_t)value);
    return text;
}

/* Whether the part at `text` is decimal up to a dot: the start of an embedded IPv4 address. */
static bool dotted(const char *text)
{
    while (*text >= '0' && *text <= '9')
        text++;
    return *text == '.';
}

/* Groups into bytes[0 .. 16), with the place of "::" (-1: none); returns what follows, or NULL. */
static const char *read_groups(const char *text, uint8_t *bytes, int *filled, int *gap)
{
    int used = 0;

    *gap = -1;
    if (text[0] == ':' && text[1] == ':') {
        *gap = 0;
        text += 2;
    }
    while (used < 16 && (hex_digit(*text) >= 0)) {
        if (dotted(text)) {
            if (used > 12)
                return NULL;
            text = read_v4(text, bytes + used);
            used += 4;
            break;
        }
        text = read_group(text, bytes + used);
        if (!text)
            return NULL;
        used += 2;
        if (text[0] != ':')
            break;
        if (text[1] == ':') {
            if (*gap >= 0)
                return NULL;
            *gap = used;
            text += 2;
        } else if (hex_digit(text[1]) >= 0 && used < 16) {
            text++;
        } else {
            return NULL;
        }
    }
    *filled = used;
    return text;
}

static const char *read_v6(const char *text, struct hf_address *address)
{
    uint8_t bytes[16] = {0};
    int filled, gap;

    text = read_groups(text, bytes, &filled, &gap);
    if (!text || (gap < 0 ? filled != 16 : filled > 14))
        return NULL;
    *address = (struct hf_address){{0}};
    if (gap < 0)
        gap = 16;
    memcpy(address->bytes, bytes, (size_t)(gap < filled ? gap : filled));
    if (filled > gap)
        memcpy(address->bytes + 16 - (filled - gap), bytes + gap, (size_t)(filled - gap));
    return text;
}

/* An address at the start of `text`; returns what follows, or NULL. */
static const char *read_address(const char *text, struct hf_address *address)
{
    uint8_t v4[4];

    if (!dotted(text))
        return read_v6(text, address);
    text = read_v4(text, v4);
    if (text)
        *address = address_v4(get_be32(v4));
    return text;
}

HF_API int hf_address_parse(struct hf_address *address, const char *text)
{
    struct hf_address parsed;
    const char *rest = read_address(text, &parsed);

    if (!rest || *rest)
        return HF_INVALID;
    *address = parsed;
    return HF_OK;
}

HF_API int hf_prefix_parse(struct hf_prefix *prefix, const char *text)
{
    struct hf_address address;
    const char *rest = read_address(text, &address);

    if (!rest)
        return HF_INVALID;
    uint32_t most = hf_address_is_v4(&address) ? 32 : 128, length = most;

    if (*rest == '/')
        rest = read_decimal(rest + 1, most, &length);
    if (!rest || *rest)
        return HF_INVALID;
    *prefix = (struct hf_prefix){address, (uint8_t)length};
    return HF_OK;
}

/* The address part of an endpoint and the colon behind it; returns the port's text, or NULL. */
static const char *read_endpoint_address(const char *text, struct hf_address *address)
{
    if (*text == ':')
        return text + 1;
    if (*text == '[') {
        text = read_v6(text + 1, address);
        return text && text[0] == ']' && text[1] == ':' ? text + 2 : NULL;
    }
    if (!dotted(text))
        return text;
    text = read_address(text, address);
    return text && *text == ':' ? text + 1 : NULL;
}

HF_API int hf_endpoint_parse(struct hf_endpoint *endpoint, const char *text)
{
    struct hf_endpoint parsed = {0};
    uint32_t port;
    const char *rest = read_endpoint_address(text, &parsed.address);

    if (rest)
        rest = read_decimal(rest, 65535, &port);
    if (!rest || *rest)
        return HF_INVALID;
    parsed.port = (uint16_t)port;
    *endpoint = parsed;
    return HF_OK;
}

static char *write_decimal(char *to, uint32_t value)
{
    char digits[10];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        *to++ = digits[--count];
    return to;
}

static char *write_v4(char *to, const uint8_t *bytes)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = write_decimal(to, bytes[i]);
    }
    return to;
}

static char *write_group(char *to, uint16_t value)
{
    for (int shift = 12; shift >= 0; shift -= 4)
        if (value >> shift || shift == 0)
            *to++ = "0123456789abcdef"[value >> shift & 0xf];
    return to;
}

/* The first longest run of two or more zero groups. RFC 5952 4.2 */
static void find_gap(const struct hf_address *address, unsigned *start, unsigned *length)
{
    *start = 8;
    *length = 1;
    for (unsigned i = 0; i < 8;) {
        unsigned end = i;

        while (end < 8 && get_be16(address->bytes + 2 * end) == 0)
            end++;
        if (end - i > *length) {
            *start = i;
            *length = end - i;
        }
        i = end + 1;
    }
}

static char *write_v6(char *to, const struct hf_address *address)
{
    unsigned gap, gap_length;

    find_gap(address, &gap, &gap_length);
    for (unsigned i = 0; i < 8; i++) {
        if (i == gap) {
            *to++ = ':';
            *to++ = ':';
            i += gap_length - 1;
            continue;
        }
        if (i > 0 && i != gap + gap_length)
            *to++ = ':';
        to = write_group(to, get_be16(address->bytes + 2 * i));
    }
    return to;
}

static char *write_address(char *to, const struct hf_address *address)
{
    return hf_address_is_v4(address) ? write_v4(to, address->bytes + 12) : write_v6(to, address);
}

HF_API const char *hf_address_format(char text[HF_ADDRESS_TEXT_MAX],
                                     const struct hf_address *address)
{
    *write_address(text, address) = '\0';
    return text;
}

HF_API const char *hf_endpoint_format(char text[HF_ENDPOINT_TEXT_MAX],
                                      const struct hf_endpoint *endpoint)
{
    bool v4 = hf_address_is_v4(&endpoint->address);
    char *to = text;

    if (!v4)
        *to++ = '[';
    to = write_address(to, &endpoint->address);
    if (!v4)
        *to++ = ']';
    *to++ = ':';
    *write_decimal(to, endpoint->port) = '\0';
    return text;
}
