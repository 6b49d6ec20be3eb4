/* Filters: yes or no by rule, asked for each packet before anything is known of it. [RFC 2827; RFC 3704; RFC 5082]
 *
 * A filter is built apart from the stack, in memory of the caller's, and then only read, but for its counters: a caller
 * builds a new one beside it and swaps. A stack has HF_FILTERS places for filters, so that what changes often (blocks) need
 * not be built with what is large (lists). What any of them refuses is refused: silently, and counted by name.
 *
 * A segment of a connection that exists goes through although a list, a service or a rule now refuses its peer
 * (filter_established counts it): to end connections is another decision than to let none in. What no honest network
 * delivers (bogons, a wrong reverse path, a TTL below what a rule wants) is refused in any case.
 */
#ifndef HANDFAST_FILTER_H
#define HANDFAST_FILTER_H

#include <handfast/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_FILTERS 2u           /* places for filters in a stack      */
#define HF_FILTER_LISTS_MAX 64u /* lists of prefixes in a filter       */
#define HF_FILTER_SERVICES_MAX 256u
#define HF_FILTER_RULES_MAX 1024u
#define HF_FILTER_PORTS_MAX 8u /* ranges of ports in a rule */

struct hf_filter;

/* A prefix and the number of its list, plus one. */
struct hf_filter_entry {
    struct hf_prefix prefix;
    uint32_t value;
};

/* A list of prefixes: of all lists together the longest prefix that holds a source decides; of equal ones that of the first
 * list. */
struct hf_filter_list {
    bool allow;           /* an exception to shorter prefixes; else its sources are refused ... */
    enum hf_stat counter; /* ... under this name: HF_STAT_filter_denied, HF_STAT_filter_blocked */
};

/* Who may speak to an address and port of ours. */
struct hf_filter_service {
    const struct hf_endpoint *listen; /* address all zero: every address */
    size_t listens;
    const struct hf_prefix *allow; /* none: everybody */
    size_t allows;
    bool
        observe; /* counts (would_refuse) whom lists and `allow` would refuse, and refuses nobody */
};

enum hf_filter_protocol {
    HF_FILTER_ANY_PROTOCOL = 0,
    HF_FILTER_TCP,
    HF_FILTER_ICMP, /* and ICMPv6 */
};

struct hf_port_range {
    uint16_t first, last;
};

/* One rule: the first that fits decides. Inward `from` is the peer, `to` and the ports are ours; outward `from` is ours, `to`
 * and the ports are the peer's. */
struct hf_filter_rule {
    bool allow;
    bool outward;
    uint8_t protocol;      /* enum hf_filter_protocol; one with ports speaks of TCP */
    bool has_from, has_to; /* without: any address */
    struct hf_prefix from, to;
    uint8_t port_ranges; /* 0: all ports */
    struct hf_port_range ports[HF_FILTER_PORTS_MAX];
    uint8_t
        ttl_below; /* inward: only packets with a smaller TTL or hop limit; 0: all. Such a rule that denies does so
                                in any case: who is not a neighbour is refused whatever he says of a connection */
    uint32_t line; /* where it was written, for people */
};

/* Rules in their order, in memory of the caller's. */
struct hf_filter_rules {
    struct hf_filter_rule *rules;
    size_t count, capacity;
    bool deny_inward;  /* TCP that no rule speaks of and that is for no service is refused */
    bool deny_outward; /* what no rule speaks of is not opened                             */
};

/* Sources that no honest packet of the public network has. [RFC 6890] */
enum hf_bogons {
    HF_BOGONS_ACCEPT = 0,
    HF_BOGONS_COUNT, /* lets them through, and counts (filter_bogon_seen) */
    HF_BOGONS_REFUSE,
};

/* Whether an answer would go where the packet came from. [RFC 3704 2.2, 2.4] */
enum hf_reverse_path {
    HF_REVERSE_PATH_OFF = 0,
    HF_REVERSE_PATH_LOOSE, /* some route leads to the source                                                    */
    HF_REVERSE_PATH_STRICT, /* and the frame came from the station that an answer would go to: from a gateway if the
                               source is beyond one, from none if it is on the link                              */
};

/* What a filter is made of. Zero is right for what is not used. */
struct hf_filter_setup {
    struct hf_filter_entry *entries; /* are sorted in place and may get fewer */
    size_t entry_count;
    struct hf_filter_list lists[HF_FILTER_LISTS_MAX];
    const struct hf_filter_service *services;
    size_t service_count;
    struct hf_filter_rules rules;
    const struct hf_prefix *inside; /* our own networks: neither bogons nor outside */
    size_t inside_count;
    uint8_t bogons;       /* enum hf_bogons                                                   */
    uint8_t reverse_path; /* enum hf_reverse_path                                             */
    bool
        deny_sharing; /* ports of file sharing are refused to who is outside, unless a rule or a service's own `allow`
                             speaks of them                                                   */
};

/* What is wrong with it, in a sentence, or NULL. */
HF_API const char *hf_filter_error(const struct hf_filter_setup *setup);

/* Bytes of memory that hf_filter_build needs. Sorts and tidies setup->entries, which takes a fraction of a second for a
 * million; 0 if hf_filter_error has something to say. */
HF_API size_t hf_filter_needed(struct hf_filter_setup *setup);

/* Makes the filter in memory (aligned to 64), after hf_filter_needed. Nothing of the setup is kept. HF_INVALID,
 * HF_TOO_SMALL. */
HF_API int hf_filter_build(struct hf_filter **filter, const struct hf_filter_setup *setup,
                           void *memory, size_t bytes);

/* From the next hf_input on, `place` (below HF_FILTERS) has this filter, or none (NULL). Returns the one it had, whose memory
 * is the caller's again. A filter belongs to one stack at a time. */
HF_API struct hf_filter *hf_set_filter(struct hf_stack *stack, unsigned place,
                                       struct hf_filter *filter);

/* What is wrong with a text of rules: at `line`, `found` (cut short, printable) where `accepted` would be. */
struct hf_filter_complaint {
    uint32_t line;
    char found[48];
    const char *accepted;
};

/* Adds the rules that a text has, one a line; what follows # is a comment:
 *
 *     default deny in
 *     allow in tcp from 198.51.100.0/24 to 203.0.113.10 port 22,8000-8099
 *     deny in tcp port 179 ttl below 255
 *     allow out tcp to 127.0.0.1 port 443
 *
 * HF_INVALID: the complaint says where and why, and nothing was added. HF_NO_ROOM: the same for a rule too many. */
HF_API int hf_filter_rules_parse(struct hf_filter_rules *rules, const char *text, size_t length,
                                 struct hf_filter_complaint *complaint);

/* Whether rule `index` is never reached, as those before it decide everything that it speaks of. `by`: one of them, the one
 * that decides first. A rule whose `by` says the opposite contradicts it. */
HF_API bool hf_filter_rule_is_shadowed(const struct hf_filter_rules *rules, size_t index,
                                       size_t *by);

/* Whether a connection may be opened from `local` (all zero: any address) to `remote`. Counts for the rule. */
HF_API bool hf_filter_may_open(struct hf_filter *filter, const struct hf_address *local,
                               const struct hf_endpoint *remote);

/* Whether a port belongs to a protocol that shares files or names within a network: SMB, NFS, AFP, rsync, iSCSI and such. */
HF_API bool hf_filter_is_sharing_port(uint16_t port);

/* A rule of a filter; false: there is none of this number. */
HF_API bool hf_filter_rule_at(const struct hf_filter *filter, size_t rule,
                              struct hf_filter_rule *copy);

/* Packets, or connections to be opened, that a rule has decided. */
HF_API uint64_t hf_filter_rule_packets(const struct hf_filter *filter, size_t rule);

/* Packets that a list has refused, or, as an exception, let through. */
HF_API uint64_t hf_filter_list_packets(const struct hf_filter *filter, unsigned list);

#ifdef __cplusplus
}
#endif

#endif
