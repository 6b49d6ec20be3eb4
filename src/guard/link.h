/* The kernel's end of a TAP interface: up, with its MTU and addresses. [rtnetlink(7)] */
#ifndef HF_GUARD_LINK_H
#define HF_GUARD_LINK_H

#include <handfast/handfast.h>

/* What may wait in the interface for the guard. The kernel's 1000 overflow when some hundred clients speak at once (6 % of
 * the packets of 500 clients on two cores), and a lost RST leaves a connection to its idle timeout. */
#define LINK_QUEUE_PACKETS 8192

/* Nobody else is on this link: IPv6 addresses of its kernel's end serve at once, without the second that looking for
 * duplicates takes [RFC 4862 5.4]. Before link_up; where it cannot be said, nothing is lost but the second. */
void link_skip_duplicate_detection(const char *name);

/* The kernel shall not speak on this link: it gets no address of its own. Before link_up; where it cannot be said, nothing
 * is lost but quiet. */
void link_keep_quiet(const char *name);

/* Whether its driver puts received segments together in a way that cannot be forwarded. */
bool link_has_lro(const char *name);

/* All answer HF_OK, HF_NO_PERMISSION, HF_NO_DEVICE or HF_SYSTEM with errno. */
int link_up(const char *name, uint32_t mtu);
/* An address that is there already is no error. */
int link_add_address(const char *name, const struct hf_prefix *prefix);
/* Makes it a port of a bridge. */
int link_join(const char *name, int bridge);

#endif
