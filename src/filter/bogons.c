/* What the registries of special addresses say is no source on the public network [RFC 6890], and ports of file sharing. */
#include "filter/bogons.h"

#include "base/must.h"

static const struct {
    const char *prefix;
    enum bogons_value value;
} special[] = {
    {"0.0.0.0/8", BOGONS_ARE},       /* this network: RFC 1122                 */
    {"10.0.0.0/8", BOGONS_ARE},      /* private: RFC 1918                      */
    {"100.64.0.0/10", BOGONS_ARE},   /* behind a carrier's translator: RFC 6598 */
    {"127.0.0.0/8", BOGONS_ARE},     /* loopback                               */
    {"169.254.0.0/16", BOGONS_ARE},  /* link-local: RFC 3927                   */
    {"172.16.0.0/12", BOGONS_ARE},   /* private                                */
    {"192.0.0.0/24", BOGONS_ARE},    /* protocol assignments                   */
    {"192.0.2.0/24", BOGONS_ARE},    /* documentation: RFC 5737                */
    {"192.168.0.0/16", BOGONS_ARE},  /* private                                */
    {"198.18.0.0/15", BOGONS_ARE},   /* benchmarks: RFC 2544                   */
    {"198.51.100.0/24", BOGONS_ARE}, /* documentation                          */
    {"203.0.113.0/24", BOGONS_ARE},  /* documentation                          */
    {"224.0.0.0/3", BOGONS_ARE},     /* groups, reserved, broadcast            */
    {"::/0", BOGONS_ARE},            /* all but ...                            */
    {"2000::/3", BOGONS_NOT},        /* ... what is given out, ...             */
    {"fe80::/10", BOGONS_NOT},       /* ... neighbours, ...                    */
    {"2001:2::/48", BOGONS_ARE},     /* ... and in there benchmarks: RFC 5180, */
    {"2001:10::/28", BOGONS_ARE},    /* ORCHID: RFC 4843,                      */
    {"2001:db8::/32", BOGONS_ARE},   /* documentation: RFC 3849,               */
    {"3fff::/20", BOGONS_ARE},       /* and more of it: RFC 9637               */
};

_Static_assert(sizeof special / sizeof *special <= BOGONS_ENTRIES, "they fit");

size_t bogons_entries(struct hf_filter_entry entries[BOGONS_ENTRIES])
{
    size_t count = sizeof special / sizeof *special;

    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct hf_filter_entry){.value = special[i].value};
        must(hf_prefix_parse(&entries[i].prefix, special[i].prefix) == HF_OK);
    }
    return prefix_entries_tidy(entries, count);
}

bool hf_filter_is_sharing_port(uint16_t port)
{
    switch (port) {
    case 111:   /* rpcbind            */
    case 135:   /* Windows RPC        */
    case 137:   /* NetBIOS names      */
    case 138:   /* NetBIOS datagrams  */
    case 139:   /* SMB over NetBIOS   */
    case 427:   /* service location   */
    case 445:   /* SMB                */
    case 548:   /* AFP                */
    case 873:   /* rsync              */
    case 2049:  /* NFS                */
    case 3260:  /* iSCSI              */
    case 4045:  /* NFS locks          */
    case 20048: /* NFS mounts         */
    case 24007: /* GlusterFS          */ return true;
    default: return false;
    }
}
