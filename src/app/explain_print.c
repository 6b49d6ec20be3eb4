/* A capture told as ladders: a row a packet. Lines are put together in memory: half a million a second come. */
#include "app/explain_print.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "app/color.h"
#include "base/time.h"
#include "wire/print.h"

#define NUMBER_COLUMNS 7
#define STATE_COLUMNS 13
#define MIDDLE_COLUMNS 58
#define ARROW_ENDS 8
#define TEXT_COLUMNS (MIDDLE_COLUMNS - ARROW_ENDS)
#define LINE_MAX_BYTES 2048

struct line {
    char *at, *end;
};

static void add(struct line *line, const char *text, size_t length)
{
    if ((size_t)(line->end - line->at) < length)
        length = (size_t)(line->end - line->at);
    memcpy(line->at, text, length);
    line->at += length;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_padded(struct line *line, const char *text, size_t columns)
{
    static const char spaces[] = "                                                                ";
    size_t length = strlen(text);

    add(line, text, length);
    if (length < columns)
        add(line, spaces, columns - length);
}

static void add_number(struct line *line, uint64_t value, unsigned digits)
{
    char text[20];
    unsigned at = sizeof text;

    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0 || sizeof text - at < digits);
    add(line, text + at, sizeof text - at);
}

/* "12.345678" */
static void add_seconds(struct line *line, int64_t us)
{
    uint64_t value = us < 0 ? -(uint64_t)us : (uint64_t)us;

    if (us < 0)
        add(line, "-", 1);
    add_number(line, value / US_PER_S, 1);
    add(line, ".", 1);
    add_number(line, value % US_PER_S, 6);
}

/* The same in thirteen columns or more. */
static void add_time(struct line *line, int64_t us)
{
    uint64_t value = us < 0 ? -(uint64_t)us : (uint64_t)us;

    for (uint64_t limit = 100000; limit >= 10 && value / US_PER_S < limit; limit /= 10)
        add(line, " ", 1);
    if (us >= 0)
        add(line, " ", 1);
    add_seconds(line, us);
}

static void add_dashes(struct line *line, bool utf8, int count)
{
    static const char many[] = "────────────────────────────────────────────────────────────────";
    static const char plain[] = "----------------------------------------------------------------";

    if (count > 0)
        add(line, utf8 ? many : plain, (size_t)count * (utf8 ? 3 : 1));
}

static void add_arrow(struct line *line, bool utf8, bool to_left, const char *text)
{
    int dashes = TEXT_COLUMNS - (int)strlen(text);

    if (to_left)
        add_text(line, utf8 ? "◀" : "<");
    add_dashes(line, utf8, to_left ? 2 : 3);
    add(line, " ", 1);
    add_text(line, text);
    add(line, " ", 1);
    add_dashes(line, utf8, dashes + (to_left ? 3 : 2));
    if (!to_left)
        add_text(line, utf8 ? "▶" : ">");
}

static void add_oddities(struct line *line, unsigned odd, const char *between)
{
    for (bool first = true; odd; odd &= odd - 1, first = false) {
        if (!first)
            add_text(line, between);
        add_text(line, anomaly_text(odd & -odd));
    }
}

/* The segment in notation, relative to both ends' first numbers; timestamps only where they are agreed on. */
static void notation(char text[PRINT_MAX], const struct observation *seen,
                     const struct dissected *dissected)
{
    const struct observed_end *end = &seen->conversation->end[seen->from];
    const struct observed_end *peer = &seen->conversation->end[!seen->from];
    struct segment seg = dissected->segment;

    if (!(seg.flags & TCP_SYN))
        seg.options.present &= (uint16_t)~TCP_OPTION_TIMESTAMPS;
    print_segment(text, PRINT_MAX, &seg, &(struct print_bases){end->iss, peer->iss, true});
}

static const char *state_of(const struct conversation *conversation, unsigned end)
{
    return hf_state_text((enum hf_state)conversation->end[end].state);
}

/* ---- one packet ---- */

static void say_folded(struct explain_style *style)
{
    if (style->folded > 0 && !style->json)
        fprintf(style->out, "%*s  ... %" PRIu64 " packets of half-opens in the flood\n", 13, "",
                style->folded);
    style->folded = 0;
}

static void say_begin(const struct explain_style *style, const struct conversation *conversation)
{
    char a[HF_ENDPOINT_TEXT_MAX], b[HF_ENDPOINT_TEXT_MAX];
    struct hf_endpoint first = {conversation->flow.remote, conversation->flow.remote_port};
    struct hf_endpoint second = {conversation->flow.local, conversation->flow.local_port};

    fprintf(style->out, "\n%s#%" PRIu64 "  %s %s %s%s%s\n", color(style->out, COLOR_BOLD),
            conversation->number, hf_endpoint_format(a, &first), style->utf8 ? "─" : "-",
            hf_endpoint_format(b, &second),
            conversation->joined ? "  (its beginning was not captured)" : "",
            color(style->out, COLOR_PLAIN));
}

static void row_as_text(struct explain_style *style, const struct observation *seen,
                        const struct dissected *dissected, int64_t at_us)
{
    const struct conversation *conversation = seen->conversation;
    char text[PRINT_MAX], bytes[LINE_MAX_BYTES], *options;
    struct line line = {bytes, bytes + sizeof bytes - 1};

    notation(text, seen, dissected);
    options = strlen(text) > TEXT_COLUMNS ? strstr(text, " <") : NULL;
    if (options)
        *options++ = '\0';
    else if (strlen(text) > TEXT_COLUMNS)
        text[TEXT_COLUMNS] = '\0';
    add_time(&line, at_us - style->start_us);
    add_text(&line, "  #");
    char *number = line.at;
    add_number(&line, conversation->number, 1);
    for (size_t used = (size_t)(line.at - number); used < NUMBER_COLUMNS; used++)
        add(&line, " ", 1);
    add_padded(&line, state_of(conversation, 0), STATE_COLUMNS);
    add_arrow(&line, style->utf8, seen->from == 1, text);
    add(&line, "  ", 2);
    add_padded(&line, state_of(conversation, 1), STATE_COLUMNS);
    if (seen->odd) {
        add_text(&line, color(style->out, COLOR_YELLOW));
        add_oddities(&line, seen->odd, ", ");
        add_text(&line, color(style->out, COLOR_PLAIN));
    }
    while (line.at > bytes && line.at[-1] == ' ')
        line.at--;
    *line.at++ = '\n';
    fwrite(bytes, 1, (size_t)(line.at - bytes), style->out);
    if (options)
        fprintf(style->out, "%*s%s\n", 13 + 3 + NUMBER_COLUMNS + STATE_COLUMNS + 4, "", options);
}

/* A row is written directly: as a tree of jansson's it took ten times as long. No text in it has anything that JSON
 * would have escaped: addresses, notation, and words of ours. */
static void row_as_json(const struct explain_style *style, const struct observation *seen,
                        const struct dissected *dissected, int64_t at_us)
{
    const struct conversation *conversation = seen->conversation;
    char piece[PRINT_MAX], bytes[LINE_MAX_BYTES];
    struct line line = {bytes, bytes + sizeof bytes - 1};
    struct hf_endpoint source = {dissected->flow.remote, dissected->flow.remote_port};
    struct hf_endpoint destination = {dissected->flow.local, dissected->flow.local_port};

    static_assert(PRINT_MAX >= HF_ENDPOINT_TEXT_MAX, "a piece holds an endpoint");
    add_text(&line, "{\"time\":");
    add_seconds(&line, at_us - style->start_us);
    add_text(&line, ",\"conversation\":");
    add_number(&line, conversation->number, 1);
    add_text(&line, ",\"from\":\"");
    add_text(&line, hf_endpoint_format(piece, &source));
    add_text(&line, "\",\"to\":\"");
    add_text(&line, hf_endpoint_format(piece, &destination));
    add_text(&line, "\",\"segment\":\"");
    notation(piece, seen, dissected);
    add_text(&line, piece);
    add_text(&line, "\",\"states\":[\"");
    add_text(&line, state_of(conversation, 0));
    add_text(&line, "\",\"");
    add_text(&line, state_of(conversation, 1));
    add_text(&line, seen->odd ? "\"],\"odd\":[\"" : "\"],\"odd\":[");
    add_oddities(&line, seen->odd, "\",\"");
    add_text(&line, seen->odd ? "\"]}" : "]}");
    *line.at++ = '\n';
    fwrite(bytes, 1, (size_t)(line.at - bytes), style->out);
}

void explain_row(struct explain_style *style, const struct observation *seen,
                 const struct dissected *dissected, int64_t at_us)
{
    struct conversation *conversation = seen->conversation;

    if ((style->conversation && conversation->number != style->conversation) ||
        (style->only_odd && !seen->odd))
        return;
    if (seen->of_flood && !style->all && !(seen->odd & ANOMALY_SYN_FLOOD)) {
        style->folded++;
        return;
    }
    say_folded(style);
    if (style->json) {
        row_as_json(style, seen, dissected, at_us);
        return;
    }
    if (!conversation->shown || seen->begins)
        say_begin(style, conversation);
    conversation->shown = true;
    row_as_text(style, seen, dissected, at_us);
}

/* ---- the end ---- */

static json_t *flood_as_json(const struct flooded *flooded, int64_t start_us)
{
    char server[HF_ENDPOINT_TEXT_MAX];

    hf_endpoint_format(server, &flooded->server);
    return json_pack("{s:s, s:f, s:f, s:I, s:I, s:I}", "server", server, "from",
                     (double)(flooded->since_us - start_us) / US_PER_S, "to",
                     (double)(flooded->until_us - start_us) / US_PER_S, "syns",
                     (json_int_t)flooded->total, "sources", (json_int_t)flooded_sources(flooded),
                     "half_opens_left", (json_int_t)flooded->half_opens);
}

static json_t *left_as_json(const struct observer *observer)
{
    json_t *left = json_array();

    for (unsigned i = 0; i < observer->left_count; i++)
        json_array_append_new(left, json_integer((json_int_t)observer->left[i].number));
    return left;
}

static void summary_as_json(const struct explain_style *style, const struct observer *observer,
                            const struct explain_others *others)
{
    json_t *odd = json_object(), *floods = json_array();

    for (unsigned i = 0; i < ANOMALIES; i++)
        if (observer->counts[i] > 0)
            json_object_set_new(odd, anomaly_text(1u << i),
                                json_integer((json_int_t)observer->counts[i]));
    for (unsigned i = 0; i < FLOOD_SERVERS; i++)
        if (observer->floods.servers[i].ever)
            json_array_append_new(floods,
                                  flood_as_json(&observer->floods.servers[i], style->start_us));
    json_t *summary = json_pack(
        "{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}}", "summary", "packets",
        (json_int_t)observer->packets, "bytes", (json_int_t)observer->bytes, "conversations",
        (json_int_t)observer->conversations, "joined", (json_int_t)observer->joined, "not_tcp",
        (json_int_t)others->other, "fragments", (json_int_t)others->fragments, "broken",
        (json_int_t)others->broken, "too_short", (json_int_t)others->too_short, "odd", odd,
        "floods", floods, "half_open", left_as_json(observer));
    json_dumpf(summary, style->out, JSON_COMPACT);
    fputc('\n', style->out);
    json_decref(summary);
}

static void say_left(const struct explain_style *style, const struct observer *observer)
{
    for (unsigned i = 0; i < observer->left_count; i++) {
        const struct left_half_open *left = &observer->left[i];
        struct hf_endpoint client = {left->flow.remote, left->flow.remote_port};
        struct hf_endpoint server = {left->flow.local, left->flow.local_port};
        char a[HF_ENDPOINT_TEXT_MAX], b[HF_ENDPOINT_TEXT_MAX];

        fprintf(style->out, "half-open left: #%" PRIu64 "  %s %s %s\n", left->number,
                hf_endpoint_format(a, &client), style->utf8 ? "─" : "-",
                hf_endpoint_format(b, &server));
    }
}

static void say_flood(const struct explain_style *style, const struct flooded *flooded)
{
    char server[HF_ENDPOINT_TEXT_MAX];
    uint64_t sources = flooded_sources(flooded);

    fprintf(style->out,
            "SYN flood of %s from %.3f s to %.3f s: %" PRIu64 " SYNs from %s %" PRIu64
            " addresses, %" PRIu64 " half-opens left\n",
            hf_endpoint_format(server, &flooded->server),
            (double)(flooded->since_us - style->start_us) / US_PER_S,
            (double)(flooded->until_us - style->start_us) / US_PER_S, flooded->total,
            sources == FLOOD_SOURCES_MOST ? "more than" : "about", sources, flooded->half_opens);
}

static void say_others(const struct explain_style *style, const struct explain_others *others)
{
    if (others->other > 0)
        fprintf(style->out, "; %" PRIu64 " packets of something else", others->other);
    if (others->fragments > 0)
        fprintf(style->out, "; %" PRIu64 " fragments that no port is known of", others->fragments);
    if (others->too_short > 0)
        fprintf(style->out, "; %" PRIu64 " of which too little was captured", others->too_short);
    if (others->broken > 0)
        fprintf(style->out, "; %" PRIu64 " with headers that cannot be", others->broken);
    fputc('\n', style->out);
}

void explain_summary(struct explain_style *style, const struct observer *observer,
                     const struct explain_others *others)
{
    const char *between = "odd: ";

    say_folded(style);
    if (style->json) {
        summary_as_json(style, observer, others);
        return;
    }
    fprintf(style->out,
            "\n%" PRIu64 " packets of TCP with %" PRIu64 " bytes of text in %" PRIu64
            " conversations",
            observer->packets, observer->bytes, observer->conversations);
    if (observer->joined > 0)
        fprintf(style->out, ", %" PRIu64 " of them joined in the middle", observer->joined);
    say_others(style, others);
    for (unsigned i = 0; i < ANOMALIES; i++) {
        if (observer->counts[i] == 0)
            continue;
        fprintf(style->out, "%s%" PRIu64 " x %s", between, observer->counts[i],
                anomaly_text(1u << i));
        between = ", ";
    }
    fputs(*between == 'o' ? "nothing odd\n" : "\n", style->out);
    say_left(style, observer);
    for (unsigned i = 0; i < FLOOD_SERVERS; i++)
        if (observer->floods.servers[i].ever)
            say_flood(style, &observer->floods.servers[i]);
}
