/* Rules that the stack does not have and scripts may ask for: those before RFC 5961 [RFC 5961 3.1, 4.1], and a SYN with FIN
 * that is dropped.
 *
 * The stack stays as it is. A RST in the window is given to it as one at the left edge, which means the same to it; for a
 * SYN in the window the connection is aborted by the call of the user, so that the RST is the stack's own. Where no socket of
 * the script holds the connection, a SYN meets what it always meets. */
#include "world.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define FIN_BIT 0x01
#define SYN_BIT 0x02
#define RST_BIT 0x04
#define ACK_BIT 0x10
#define ECE_BIT 0x40
#define CWR_BIT 0x80

static bool in_window(struct world *world, const uint8_t *packet, size_t length, size_t tcp,
                      uint32_t *left)
{
    uint32_t window;

    return watch_window(&world->watch, packet, length, left, &window) &&
           get_be32(packet + tcp + 4) - *left < window;
}

static void move_to(uint8_t *packet, size_t length, size_t tcp, uint32_t number)
{
    put_be32(packet + tcp + 4, number);
    put_be16(packet + tcp + 16, 0);
    put_be16(packet + tcp + 16, watch_transport_sum(packet, length, tcp));
}

/* The socket of the script that holds the flow of a packet that came. */
static struct file *holder_of(struct world *world, const uint8_t *packet, size_t tcp)
{
    bool v4 = packet[0] >> 4 == 4;
    size_t bytes = v4 ? 4 : 16;
    struct hf_status status;

    for (int i = 0; i < WORLD_FILES; i++) {
        struct file *file = &world->files[i];

        if (file->kind != FILE_CONNECTION ||
            hf_status(world->stack, file->socket, &status) != HF_OK)
            continue;
        if (status.remote.port == get_be16(packet + tcp) &&
            status.local.port == get_be16(packet + tcp + 2) &&
            memcmp(status.remote.address.bytes + 16 - bytes, packet + (v4 ? 12 : 8), bytes) == 0 &&
            status.state != HF_STATE_CLOSED && status.state != HF_STATE_TIME_WAIT)
            return file;
    }
    return NULL;
}

bool old_rules_in(struct world *world, uint8_t *packet, size_t length)
{
    const struct old_rules *rules = &world->flags.old_rules;
    size_t tcp = watch_tcp_offset(packet, length);
    uint8_t flags = tcp ? packet[tcp + 13] : 0;
    struct file *file;
    uint32_t left;

    if (world->flags.ecn_when_asked &&
        (flags & (SYN_BIT | ACK_BIT | ECE_BIT | CWR_BIT)) == (SYN_BIT | ECE_BIT | CWR_BIT))
        world_die("flag ecn=2: the peer asks for ECN: unsupported, ECN is never negotiated");
    if (rules->no_syn_fin && (flags & (SYN_BIT | FIN_BIT)) == (SYN_BIT | FIN_BIT))
        return false;
    if (rules->reset && flags & RST_BIT && in_window(world, packet, length, tcp, &left))
        move_to(packet, length, tcp, left);
    if (!rules->syn || flags & RST_BIT || !(flags & SYN_BIT) ||
        !in_window(world, packet, length, tcp, &left))
        return true;
    file = holder_of(world, packet, tcp);
    if (!file)
        return true;
    hf_abort(world->stack, file->socket, world->now_us);
    file->reset_by_syn = true;
    return false;
}
