/* Rules as text, one a line: "allow|deny in|out [tcp|icmp] [from PREFIX] [to PREFIX] [port N[-M][,...]] [ttl below N]" and
 * "default allow|deny in|out". */
#include "filter/ruleset.h"

#define WORD_MAX 64u /* longer than any word that is accepted */

/* The text that is left of a line. */
struct reader {
    const char *at, *end;
    uint32_t line;
    struct hf_filter_complaint *complaint;
};

struct word {
    const char *at;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct word next_word(struct reader *reader)
{
    struct word word;

    while (reader->at < reader->end && is_blank(*reader->at))
        reader->at++;
    word.at = reader->at;
    while (reader->at < reader->end && !is_blank(*reader->at))
        reader->at++;
    word.length = (size_t)(reader->at - word.at);
    return word;
}

static bool is_word(struct word word, const char *text)
{
    size_t i = 0;

    for (; i < word.length && text[i] != '\0'; i++)
        if (word.at[i] != text[i])
            return false;
    return i == word.length && text[i] == '\0';
}

/* Says what was found, and what would be accepted in its place. */
static bool refuse(const struct reader *reader, struct word word, const char *accepted)
{
    struct hf_filter_complaint *complaint = reader->complaint;
    size_t most = sizeof complaint->found - 4, length = word.length < most ? word.length : most;

    complaint->line = reader->line;
    complaint->accepted = accepted;
    for (size_t i = 0; i < length; i++)
        complaint->found[i] = word.at[i] >= ' ' && word.at[i] < 0x7f ? word.at[i] : '?';
    for (size_t i = length; i < sizeof complaint->found; i++)
        complaint->found[i] = '\0';
    if (word.length > most)
        memcpy(complaint->found + length, "...", 3);
    if (word.length == 0)
        memcpy(complaint->found, "the end of the line", 20);
    return false;
}

/* ---- parts ---- */

/* A word with a final zero; false: longer than any that is accepted. */
static bool copy_word(struct word word, char text[WORD_MAX])
{
    if (word.length >= WORD_MAX)
        return false;
    for (size_t i = 0; i < word.length; i++)
        if (word.at[i] == '\0')
            return false;
    memcpy(text, word.at, word.length);
    text[word.length] = '\0';
    return true;
}

static bool read_prefix(struct reader *reader, bool *has, struct hf_prefix *prefix)
{
    struct word word = next_word(reader);
    char text[WORD_MAX];

    if (is_word(word, "any"))
        return true;
    *has = true;
    return (copy_word(word, text) && hf_prefix_parse(prefix, text) == HF_OK) ||
           refuse(reader, word,
                  "a prefix such as 192.0.2.0/24 or 2001:db8::/32, an address, or any");
}

/* A decimal number up to `limit` at *at; false: there is none. */
static bool read_number(const char **at, const char *end, uint32_t limit, uint32_t *number)
{
    const char *start = *at;

    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        *number = *number * 10 + (uint32_t)(**at - '0');
        if (*number > limit)
            return false;
    }
    return *at > start;
}

static bool read_range(const char **at, const char *end, struct hf_port_range *range)
{
    uint32_t first, last;

    if (!read_number(at, end, 65535, &first))
        return false;
    last = first;
    if (*at < end && **at == '-') {
        ++*at;
        if (!read_number(at, end, 65535, &last))
            return false;
    }
    *range = (struct hf_port_range){(uint16_t)first, (uint16_t)last};
    return first <= last;
}

static bool read_ports(struct reader *reader, struct hf_filter_rule *rule)
{
    static const char accepted[] =
        "ports from 0 to 65535 without blanks between them, such as 22 or 80,443,8000-8099, at "
        "most 8 ranges";
    struct word word = next_word(reader);
    const char *at = word.at, *end = word.at + word.length;

    for (;;) {
        if (rule->port_ranges == HF_FILTER_PORTS_MAX ||
            !read_range(&at, end, &rule->ports[rule->port_ranges]))
            return refuse(reader, word, accepted);
        rule->port_ranges++;
        if (at == end)
            return true;
        if (*at++ != ',')
            return refuse(reader, word, accepted);
    }
}

static bool read_ttl(struct reader *reader, struct hf_filter_rule *rule)
{
    struct word word = next_word(reader);
    const char *at;
    uint32_t number;

    if (!is_word(word, "below"))
        return refuse(reader, word, "below, as in: ttl below 255");
    word = next_word(reader);
    at = word.at;
    if (!read_number(&at, word.at + word.length, 255, &number) || at != word.at + word.length ||
        number == 0)
        return refuse(reader, word, "a number from 1 to 255");
    rule->ttl_below = (uint8_t)number;
    return true;
}

/* ---- lines ---- */

static bool read_direction(struct reader *reader, bool *outward)
{
    struct word word = next_word(reader);

    *outward = is_word(word, "out");
    return *outward || is_word(word, "in") || refuse(reader, word, "in or out");
}

enum part {
    PART_TCP = 1,
    PART_ICMP = 2,
    PART_FROM = 4,
    PART_TO = 8,
    PART_PORT = 16,
    PART_TTL = 32,
};

static unsigned part_of(struct word word)
{
    static const struct {
        const char *text;
        enum part part;
    } parts[] = {{"tcp", PART_TCP}, {"icmp", PART_ICMP}, {"from", PART_FROM},
                 {"to", PART_TO},   {"port", PART_PORT}, {"ttl", PART_TTL}};

    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        if (is_word(word, parts[i].text))
            return parts[i].part;
    return 0;
}

static bool read_part(struct reader *reader, struct word word, struct hf_filter_rule *rule,
                      unsigned *seen)
{
    unsigned part = part_of(word);
    unsigned with = part | *seen;

    if (part == 0)
        return refuse(reader, word, "tcp, icmp, from, to, port or ttl");
    if (*seen & part)
        return refuse(reader, word, "each word once");
    if ((with & PART_ICMP) && (with & (PART_TCP | PART_PORT)))
        return refuse(reader, word, "tcp, or icmp without ports");
    if (part == PART_TTL && rule->outward)
        return refuse(reader, word, "ttl only with in");
    *seen = with;
    switch ((enum part)part) {
    case PART_TCP: rule->protocol = HF_FILTER_TCP; return true;
    case PART_ICMP: rule->protocol = HF_FILTER_ICMP; return true;
    case PART_FROM: return read_prefix(reader, &rule->has_from, &rule->from);
    case PART_TO: return read_prefix(reader, &rule->has_to, &rule->to);
    case PART_PORT: rule->protocol = HF_FILTER_TCP; return read_ports(reader, rule);
    case PART_TTL: return read_ttl(reader, rule);
    }
    return true;
}

static bool read_rule(struct reader *reader, bool allow, struct hf_filter_rule *rule)
{
    unsigned seen = 0;
    struct word word;

    *rule = (struct hf_filter_rule){.allow = allow, .line = reader->line};
    if (!read_direction(reader, &rule->outward))
        return false;
    for (word = next_word(reader); word.length > 0; word = next_word(reader))
        if (!read_part(reader, word, rule, &seen))
            return false;
    if (rule->has_from && rule->has_to &&
        hf_address_is_v4(&rule->from.address) != hf_address_is_v4(&rule->to.address))
        return refuse(reader, (struct word){"from and to of two families", 27},
                      "prefixes of one family");
    return true;
}

struct defaults {
    uint32_t line[2]; /* where "in" and "out" were said, 0: not yet */
};

static bool read_default(struct reader *reader, struct hf_filter_rules *rules,
                         struct defaults *defaults)
{
    struct word word = next_word(reader);
    bool deny = is_word(word, "deny"), outward;

    if (!deny && !is_word(word, "allow"))
        return refuse(reader, word, "allow or deny");
    if (!read_direction(reader, &outward))
        return false;
    if (defaults->line[outward])
        return refuse(reader, (struct word){"a second default", 16},
                      "one default for in and one for out");
    defaults->line[outward] = reader->line;
    if (outward)
        rules->deny_outward = deny;
    else
        rules->deny_inward = deny;
    word = next_word(reader);
    return word.length == 0 || refuse(reader, word, "the end of the line");
}

/* HF_OK, or what hf_filter_rules_parse answers. */
static int read_line(struct reader *reader, struct hf_filter_rules *rules,
                     struct defaults *defaults)
{
    struct word word = next_word(reader);
    struct hf_filter_rule rule;
    bool allow = is_word(word, "allow");

    if (word.length == 0)
        return HF_OK;
    if (is_word(word, "default"))
        return read_default(reader, rules, defaults) ? HF_OK : HF_INVALID;
    if (!allow && !is_word(word, "deny")) {
        refuse(reader, word, "allow, deny or default");
        return HF_INVALID;
    }
    if (!read_rule(reader, allow, &rule))
        return HF_INVALID;
    if (rules->count == rules->capacity) {
        refuse(reader, (struct word){"one rule more", 13}, "no more rules than there is room for");
        return HF_NO_ROOM;
    }
    rules->rules[rules->count++] = rule;
    return HF_OK;
}

static const char *end_of_line(const char *at, const char *end)
{
    while (at < end && *at != '\n')
        at++;
    return at;
}

static const char *without_comment(const char *at, const char *end)
{
    const char *c = at;

    while (c < end && *c != '#')
        c++;
    return c;
}

int hf_filter_rules_parse(struct hf_filter_rules *rules, const char *text, size_t length,
                          struct hf_filter_complaint *complaint)
{
    struct hf_filter_rules before = *rules;
    struct defaults defaults = {{0}};
    struct reader reader = {.line = 0, .complaint = complaint};
    const char *at = text, *end = text + length;
    int result = HF_OK;

    while (at < end && result == HF_OK) {
        const char *newline = end_of_line(at, end);

        reader.at = at;
        reader.end = without_comment(at, newline);
        reader.line++;
        result = read_line(&reader, rules, &defaults);
        at = newline < end ? newline + 1 : end;
    }
    if (result != HF_OK)
        *rules = before;
    return result;
}
