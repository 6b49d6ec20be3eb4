/* Protocol numbers that follow an IP header, and the kinds of a link. [RFC 791 3.1; RFC 8200 4] */
#ifndef WIRE_IP_PROTOCOL_H
#define WIRE_IP_PROTOCOL_H

enum ip_protocol {
    IP_HOP_BY_HOP = 0,
    IP_ICMPV4 = 1,
    IP_TCP = 6,
    IP_UDP = 17,
    IP_ROUTING = 43,
    IP_FRAGMENT = 44,
    IP_ESP = 50,
    IP_AH = 51,
    IP_ICMPV6 = 58,
    IP_NO_NEXT_HEADER = 59,
    IP_DESTINATION_OPTIONS = 60,
};

#endif
