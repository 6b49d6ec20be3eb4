/* A filter as it lies in memory: lists of sources, services and who may speak to them, rules. Built by ruleset.c, asked by
 * match.c. */
#ifndef FILTER_RULESET_H
#define FILTER_RULESET_H

#include "filter/rulebook.h"

/* Who may speak to what listens at some endpoints. */
struct filter_service {
    struct prefix_table allow; /* of no keys: everybody */
    bool restricted;
    bool observe;
};

struct filter_endpoint {
    struct hf_address address; /* all zero: any */
    uint16_t port;
    uint16_t service;
};

struct hf_filter {
    struct prefix_table sources; /* the value is a list's number, plus one */
    struct prefix_table inside;  /* our own networks                       */
    struct prefix_table bogons;  /* enum bogons_value                      */
    const struct filter_service *services;
    const struct filter_endpoint *endpoints; /* by port; of one port the precise addresses first */
    uint32_t endpoint_count;
    struct rulebook inward;
    struct hf_filter_rules rules; /* all of them, copied */
    uint64_t *rule_packets;       /* for each            */
    bool asks_rules;              /* something beside lists and services is to be asked */
    bool deny_sharing;
    uint8_t check_bogons; /* enum hf_bogons       */
    uint8_t reverse_path; /* enum hf_reverse_path */
    struct hf_filter_list lists[HF_FILTER_LISTS_MAX];
    uint64_t list_packets[HF_FILTER_LISTS_MAX];
};

/* The service at an address and port of ours, or NULL. */
const struct filter_service *filter_service_at(const struct hf_filter *filter,
                                               const struct hf_address *address, uint16_t port);

#endif
