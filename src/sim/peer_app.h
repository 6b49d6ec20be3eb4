/* Scripted applications: each end of a conversation writes, reads, checks every byte, and closes as its script says.
 *
 * They know nothing but the socket API and live by its readiness alone: who is told once and does not read until HF_AGAIN,
 * or is not told, stands still, and the simulation sees it.
 */
#ifndef SIM_PEER_APP_H
#define SIM_PEER_APP_H

#include <handfast/socket.h>

struct world;

enum app_ending {
    APP_FIN_WHEN_SENT =
        0,               /* FIN behind the last byte, reads on until the peer's FIN, CLOSE       */
    APP_FIN_AFTER_PEER,  /* CLOSE once the peer's FIN was read and all is sent                    */
    APP_CLOSE_WHEN_SENT, /* CLOSE once all is sent and all that is expected was read              */
    APP_CLOSE_EARLY,     /* CLOSE once all is sent, whatever the peer still says                  */
    APP_ABORT,           /* ABORT once so many bytes were written and read                        */
};

/* Times are from the moment the connection is open; 0 bytes or microseconds: no limit, no wait. */
struct app_script {
    uint32_t send_bytes;
    uint32_t write_max, read_max; /* in one call                       */
    int64_t write_from_us, write_every_us;
    int64_t read_from_us, read_every_us;
    int64_t close_after_us; /* from when there is nothing left to do but to end */
    enum app_ending ending;
    uint32_t abort_after; /* bytes written and read     */
    uint32_t urgent_at;   /* this byte is urgent: 1 ... */
    uint32_t keepalive_idle_ms, user_timeout_ms;
    bool spans; /* hf_reserve and hf_peek_spans instead of hf_send and hf_receive */
    bool nodelay, quick_ack, cork;
    bool eager;    /* writes while the handshake is under way */
    bool hasty;    /* ... and even ends then                  */
    bool connects; /* the server's end opens actively too: simultaneous open */
};

/* One end at work. */
struct peer_app {
    const struct app_script *script;
    struct hf_stack *stack;
    hf_socket socket;
    uint16_t port;         /* local */
    uint32_t number, side; /* of the conversation; 0 opened it */
    uint32_t sends_key, reads_key;
    uint32_t expects; /* bytes */
    uint32_t sent, received;
    uint32_t urgent_seen; /* HF_URGENT came so often */
    int64_t retry_us;     /* hf_connect said HF_NO_ROOM: again then */
    int64_t open_us, next_write_us, next_read_us, close_us;
    bool open; /* has a socket                         */
    bool over; /* had one                              */
    bool up;   /* connected                            */
    bool can_read, can_write, ended, eof, fin;
    int error; /* HF_OK, or why the connection ended under its user */
};

/* The byte at a position of a stream. Streams differ by key, so that a byte of another one, or of another place, shows. */
static inline uint8_t app_pattern(uint32_t key, uint32_t position)
{
    return (uint8_t)(((position ^ position >> 15) * 0x9e3779b1u + key) >> 24);
}

/* A socket was opened (by hf_connect or hf_accept) for this end. */
void app_open(struct peer_app *app, struct hf_stack *stack, hf_socket socket, bool up,
              int64_t now_us);

void app_on_ready(struct peer_app *app, unsigned what, int64_t now_us);

/* Does what can be done now; failures of the stack (a wrong byte) go to the world. */
void app_act(struct peer_app *app, struct world *world);

/* When it wants to act although nothing happens. */
int64_t app_next_us(const struct peer_app *app);

#endif
