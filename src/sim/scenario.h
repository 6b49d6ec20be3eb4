/* What happens in one simulation: two stacks, the link between them, and the conversations of their applications. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <handfast/socket.h>

#include "sim/keys.h"
#include "sim/link.h"
#include "sim/peer_app.h"

#define CONVERSATIONS_MAX 256

/* What must have happened to a conversation in the end. Whatever is expected: no wrong byte is ever delivered. */
enum expectation {
    EXPECT_WHOLE = 0,       /* every byte both ways, both FINs, no error          */
    EXPECT_WHOLE_OR_UNBORN, /* ... or the server never knew of it, and the client was told so    */
    EXPECT_REFUSED,         /* HF_REFUSED                                         */
    EXPECT_RESET,     /* one end aborted or closed early: the other sees HF_RESET, or had all */
    EXPECT_TIMED_OUT, /* HF_TIMED_OUT at an end                             */
    EXPECT_OPEN,      /* both ends are connected when the scene stops        */
    EXPECT_ANY,
};

struct conversation {
    bool v6;
    int64_t open_at_us;          /* from the start                           */
    uint16_t port, client_port;  /* of the server: 80 if 0; 0: chosen        */
    struct app_script script[2]; /* of node 0, which opens; of node 1        */
    enum expectation expect;
};

struct scenario {
    const char *scene;
    uint64_t seed;
    int64_t start_us;
    struct hf_config config[2];
    struct link_setup link[2];
    uint32_t backlog; /* of the server's listener; 0: its default              */
    int64_t accept_every_us;
    bool no_listener;
    enum hf_cookies cookies; /* of that listener                             */
    struct keys_plan keys;   /* both ends sign                               */
    unsigned batch;          /* frames given to one hf_input at most                  */
    int64_t limit_us;        /* all must be over by then                             */
    uint64_t limit_steps;
    int64_t stop_us; /* 0: at the end of all things                        */
    unsigned count;
    struct conversation conversations[CONVERSATIONS_MAX];
};

#define SCENARIO_PORT 80

/* The addresses of node 0 and 1, as text with their networks. */
const char *scenario_address(unsigned node, bool v6);

#endif
