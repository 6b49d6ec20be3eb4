/* filter_load, filter_match: a million prefixes made into a filter, and one packet asked about, for several kinds of lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "filter/match.h"

#define MILLION 1000000u
#define QUESTIONS (1u << 20)

enum kind {
    V4_MIXED,  /* /19 to /32, as routes and block lists have them               */
    V4_HOSTS,  /* addresses                                                     */
    V6_MIXED,  /* /32 to /64                                                    */
    V6_SPARSE, /* an address in each of a million /64: the most memory          */
    V6_DENSE,  /* a million addresses in one /64                                */
    KINDS,
};

static const char *const kind_names[KINDS] = {"IPv4 /19../32", "IPv4 hosts", "IPv6 /32../64",
                                              "IPv6 hosts, a /64 each", "IPv6 hosts, one /64"};

struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static struct hf_prefix make_prefix(struct dice *dice, enum kind kind)
{
    struct hf_prefix prefix = {address_v4((uint32_t)roll(dice)), 32};
    uint64_t high = (roll(dice) >> 3) | UINT64_C(1) << 61, low = roll(dice);

    if (kind == V4_HOSTS)
        return prefix;
    if (kind == V4_MIXED) {
        prefix.length = (uint8_t)(roll(dice) % 16 ? 24 + roll(dice) % 9 : 19 + roll(dice) % 5);
        return prefix;
    }
    if (kind == V6_DENSE)
        high = UINT64_C(0x20010db800000001);
    put_be32(prefix.address.bytes, (uint32_t)(high >> 32));
    put_be32(prefix.address.bytes + 4, (uint32_t)high);
    put_be32(prefix.address.bytes + 8, (uint32_t)(low >> 32));
    put_be32(prefix.address.bytes + 12, (uint32_t)low);
    prefix.length = (uint8_t)(kind == V6_MIXED ? 32 + roll(dice) % 33 : 128);
    return prefix;
}

struct subject {
    struct hf_filter_setup setup;
    struct hf_filter *filter;
    struct hf_address *sources; /* of the packets: half of them listed */
    size_t bytes;
    double load_ms;
};

/* Large pages where there are any, as the guard asks for them. */
static void *take_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        bench_fail("no memory");
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static void load(struct subject *subject)
{
    int64_t start_ns = bench_now_ns();
    void *memory;

    subject->bytes = hf_filter_needed(&subject->setup);
    memory = take_memory(subject->bytes);
    if (hf_filter_build(&subject->filter, &subject->setup, memory, subject->bytes) != HF_OK)
        bench_fail("a filter that cannot be built");
    subject->load_ms = (double)(bench_now_ns() - start_ns) / 1e6;
}

static void open_subject(struct subject *subject, enum kind kind, uint32_t count)
{
    struct dice dice = {42 + kind};

    *subject = (struct subject){.setup.entry_count = count};
    subject->setup.entries = malloc(count * sizeof *subject->setup.entries);
    subject->sources = malloc(QUESTIONS * sizeof *subject->sources);
    if (!subject->setup.entries || !subject->sources)
        bench_fail("no memory");
    subject->setup.lists[0].counter = HF_STAT_filter_denied;
    for (uint32_t i = 0; i < count; i++)
        subject->setup.entries[i] = (struct hf_filter_entry){make_prefix(&dice, kind), 1};
    for (uint32_t i = 0; i < QUESTIONS; i++)
        subject->sources[i] = i % 2 ? make_prefix(&dice, kind).address
                                    : subject->setup.entries[roll(&dice) % count].prefix.address;
    load(subject);
}

static void close_subject(struct subject *subject)
{
    munmap(subject->filter, subject->bytes);
    free(subject->setup.entries);
    free(subject->sources);
}

/* ns a packet, asked about in groups of as many as the stack has at hand. Each group waits for the answers to the one
 * before. */
static double ask(const struct subject *subject, unsigned group, uint32_t *refused)
{
    struct packet packets[PREFIX_TABLE_GROUP];
    const struct packet *pointers[PREFIX_TABLE_GROUP];
    int64_t start_ns;
    uint32_t wait = 0;

    for (unsigned i = 0; i < PREFIX_TABLE_GROUP; i++) {
        packets[i] = (struct packet){.kind = PACKET_TCP, .segment.destination_port = 80};
        pointers[i] = &packets[i];
    }
    *refused = 0;
    start_ns = bench_now_ns();
    for (uint32_t at = 0; at < QUESTIONS; at += group) {
        uint32_t listed[PREFIX_TABLE_GROUP];

        for (unsigned i = 0; i < group; i++)
            packets[i].source = subject->sources[at + i + wait];
        filter_look_up(subject->filter, pointers, group, listed);
        for (unsigned i = 0; i < group; i++) {
            enum hf_stat counter = HF_STAT_none;
            enum filter_verdict verdict =
                filter_match(subject->filter, &packets[i], listed[i], &counter);

            *refused += verdict != FILTER_PASS;
            wait = (uint32_t)verdict >> 8; /* nothing, but the compiler does not know */
        }
    }
    return (double)(bench_now_ns() - start_ns) / QUESTIONS;
}

static void run_match(const struct bench_options *options)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct bench_samples ns = {.count = 0}, alone_ns = {.count = 0};
        struct subject subject;
        uint32_t refused = 0;
        char extra[192];

        open_subject(&subject, kind, options->quick ? MILLION / 10 : MILLION);
        for (int run = 0; run < (options->quick ? 3 : 9); run++) {
            bench_add(&ns, ask(&subject, PREFIX_TABLE_GROUP, &refused));
            bench_add(&alone_ns, ask(&subject, 1, &refused));
        }
        snprintf(extra, sizeof extra,
                 "\"prefixes\":%zu,\"of\":\"%s\",\"megabytes\":%.1f,\"refused_percent\":%.0f,"
                 "\"alone_ns\":%.0f,\"target\":100",
                 subject.setup.entry_count, kind_names[kind], (double)subject.bytes / 1e6,
                 refused * 100.0 / QUESTIONS, bench_median(&alone_ns));
        bench_print("filter_match", &ns, "ns", extra);
        close_subject(&subject);
    }
}

static void run_load(const struct bench_options *options)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct bench_samples ms = {.count = 0};
        struct subject subject;
        char extra[160] = "";

        for (int run = 0; run < (options->quick ? 1 : 5); run++) {
            open_subject(&subject, kind, options->quick ? MILLION / 10 : MILLION);
            bench_add(&ms, subject.load_ms);
            snprintf(extra, sizeof extra,
                     "\"prefixes\":%zu,\"of\":\"%s\",\"megabytes\":%.1f,\"target\":1000",
                     subject.setup.entry_count, kind_names[kind], (double)subject.bytes / 1e6);
            close_subject(&subject);
        }
        bench_print("filter_load", &ms, "ms", extra);
    }
}

const struct bench bench_filter_match = {
    "filter_match", "a packet asked about, among a million prefixes", run_match};
const struct bench bench_filter_load = {"filter_load", "a filter made of a million prefixes",
                                        run_load};
