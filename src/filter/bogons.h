/* Addresses that nobody on the public network has, and ports that nobody should offer to it. [RFC 6890] */
#ifndef FILTER_BOGONS_H
#define FILTER_BOGONS_H

#include "filter/prefix_table.h"

#define BOGONS_ENTRIES 32u

/* The values in a table of bogons. */
enum bogons_value {
    BOGONS_NOT = 1,
    BOGONS_ARE,
};

/* Writes the entries of a table and returns how many: BOGONS_ENTRIES at most. */
size_t bogons_entries(struct hf_filter_entry entries[BOGONS_ENTRIES]);

#endif
