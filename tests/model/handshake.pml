/* One client, a listener with its gate, and a network that loses, repeats and reorders: from an old SYN to the last ACK.
 * [RFC 9293 3.5, 3.6, 3.10.7; RFC 5961; RFC 4987; HF1] docs/model.md says what is left out.
 *
 *   -DSTEPS=2    the server believes a SYN at once, as it must not
 *   -DTIERS=n    1: SYN cache, 2: cookies, 3: either, for each SYN
 *   -DGUARD=0    the ISS of a cookie's connection is not remembered when it is over
 *   -DCLOSES=n   0: nobody closes, 1: everybody does at some time; without it: either
 *   -DFAIR       for the claim that everything ends once the network is calm
 */
#ifndef STEPS
#define STEPS 3
#endif
#ifndef TIERS
#define TIERS 3
#endif
#ifndef GUARD
#define GUARD 1
#endif
#ifndef PLACES
#define PLACES 2 /* segments under way in each direction */
#endif
#ifndef HALF_OPENS
#define HALF_OPENS 2 /* entries that the cache may make, one after another: each has an ISS of its own */
#endif

#define WINDOW 3

/* An end's numbers: SYN iss, one octet of text iss + 1, FIN iss + 2. */
#define ISN_OLD 0  /* of an incarnation that is over */
#define ISN_NEW 4
#define ISS_CACHE(n) (8 + 4 * (n))
#define COOKIE(isn) (8 + 4 * HALF_OPENS + (isn))

#define CLIENT 0
#define SERVER 1

/* States. CLOSED of the client, LISTEN of the server: no connection. */
#define NONE 0
#define SYN_SENT 1
#define ESTABLISHED 2
#define FIN_WAIT_1 3
#define FIN_WAIT_2 4
#define CLOSE_WAIT 5
#define CLOSING 6
#define LAST_ACK 7
#define TIME_WAIT 8

/* Segments; all but SYN and RST acknowledge, TEXT and FIN take a number. */
#define SYN 1
#define SYN_ACK 2
#define ACK 3
#define TEXT 4
#define FIN 5
#define RST 6
#define RST_ACK 7

byte state[2], iss[2], una[2], nxt[2], rcv[2];

/* The gate. */
bit half_open;
byte half_irs, half_iss, half_opens;
bit void_old, void_new; /* a cookie's time is over */
bit guard_old, guard_new; /* the ISS of a connection that a cookie had opened is remembered */
bit from_cookie;

bit opened;           /* the one connection that there should be was opened at the server */
bit client_heard;     /* the client was in ESTABLISHED */
bit closes, finished;

/* From some moment on nothing is lost or repeated: without it nothing ever need end. */
#ifdef FAIR
bit calm;
#else
#define calm 0
#endif

/* ---- the network: for each end a set, kept sorted so that its order makes no new states ---- */

short net[2 * PLACES];
#define AT(to, i) net[(to) * PLACES + (i)]
#define EMPTY (AT(CLIENT, 0) == 0 && AT(SERVER, 0) == 0)

hidden short word; /* hidden: used within one step only */
hidden byte at, last;

inline send(to, what, of_seq, of_ack)
{
    d_step {
        word = (what) * 1024 + (of_seq) * 32 + (of_ack);
        at = 0;
        do
        :: at < PLACES && AT(to, at) > word -> at++
        :: else -> break
        od;
        if
        :: at < PLACES && AT(to, at) != word -> /* a full network loses one */
            last = PLACES - 1;
            do
            :: last > at -> AT(to, last) = AT(to, last - 1); last--
            :: else -> break
            od;
            AT(to, at) = word
        :: else -> skip
        fi;
        word = 0; at = 0; last = 0
    }
}

inline remove(to, place)
{
    d_step {
        last = place;
        do
        :: last < PLACES - 1 -> AT(to, last) = AT(to, last + 1); last++
        :: else -> break
        od;
        AT(to, PLACES - 1) = 0;
        last = 0
    }
}

byte kind, number, acknowledged, place; /* of the segment that is being read; 0 between two steps */

/* Any segment that is there; a copy of it may follow. */
inline take(me)
{
    place = 0;
    do
    :: place < PLACES - 1 && AT(me, place + 1) != 0 -> place++
    :: break
    od;
    kind = AT(me, place) / 1024;
    number = AT(me, place) / 32 % 32;
    acknowledged = AT(me, place) % 32;
    if
    :: !calm -> skip
    :: remove(me, place)
    fi;
    place = 0
}

inline forget_segment()
{
    kind = 0; number = 0; acknowledged = 0
}

inline lose(to)
{
    place = 0;
    do
    :: place < PLACES - 1 && AT(to, place + 1) != 0 -> place++
    :: break
    od;
    remove(to, place);
    place = 0
}

proctype network()
{
    do
    :: atomic { !calm && AT(CLIENT, 0) != 0 -> lose(CLIENT) }
    :: atomic { !calm && AT(SERVER, 0) != 0 -> lose(SERVER) }
#ifdef FAIR
    :: !calm -> calm = 1
#endif
    :: finished -> break
    od
}

/* ---- what both ends do once they are connected [RFC 9293 3.10.7.4] ---- */

#define OTHER(me) (1 - (me))
#define IN_WINDOW(x, first) ((x) >= (first) && (x) < (first) + WINDOW)

inline acknowledge(me)
{
    send(OTHER(me), ACK, nxt[me], rcv[me])
}

inline end(me)
{
    d_step {
        if
        :: me == SERVER && from_cookie && GUARD -> guard_new = 1
        :: else -> skip
        fi;
        if
        :: me == SERVER -> from_cookie = 0
        :: else -> skip
        fi;
        state[me] = NONE; iss[me] = 0; una[me] = 0; nxt[me] = 0; rcv[me] = 0
    }
}

inline on_acknowledgment(me)
{
    if
    :: acknowledged > una[me] -> una[me] = acknowledged
    :: else -> skip
    fi;
    if
    :: una[me] == nxt[me] && state[me] == FIN_WAIT_1 -> state[me] = FIN_WAIT_2
    :: una[me] == nxt[me] && state[me] == CLOSING -> state[me] = TIME_WAIT
    :: una[me] == nxt[me] && state[me] == LAST_ACK -> end(me)
    :: else -> skip
    fi
}

inline on_fin(me)
{
    if
    :: state[me] == ESTABLISHED -> state[me] = CLOSE_WAIT
    :: state[me] == FIN_WAIT_1 -> state[me] = CLOSING
    :: state[me] == FIN_WAIT_2 -> state[me] = TIME_WAIT
    :: else -> skip
    fi
}

inline on_segment(me)
{
    if
    :: kind == RST || kind == RST_ACK ->
        if
        :: number == rcv[me] -> end(me)
        :: number > rcv[me] && IN_WINDOW(number, rcv[me]) -> acknowledge(me) /* challenge [RFC 5961 3.2] */
        :: else -> skip
        fi
    :: kind == SYN || kind == SYN_ACK -> acknowledge(me) /* [RFC 5961 4.2] */
    :: kind == ACK || kind == TEXT || kind == FIN ->
        if
        :: !IN_WINDOW(number, rcv[me]) || acknowledged > nxt[me] -> acknowledge(me)
        :: else ->
            on_acknowledgment(me);
            if
            :: state[me] == NONE || kind == ACK -> skip
            :: else ->
                if
                :: number == rcv[me] ->
                    rcv[me]++;
                    if
                    :: kind == FIN -> on_fin(me)
                    :: else -> skip
                    fi
                :: else -> skip
                fi;
                acknowledge(me)
            fi
        fi
    fi
}

#define CONNECTED(me) (state[me] >= ESTABLISHED)
#define MAY_SEND(me) (state[me] == ESTABLISHED || state[me] == CLOSE_WAIT)
#define RETRANSMITS(me) (una[me] < nxt[me] && (!calm || EMPTY))

/* The oldest that is not acknowledged, once more. */
inline retransmit(me)
{
    if
    :: una[me] == iss[me] -> send(OTHER(me), SYN, iss[me], 0)
    :: una[me] == iss[me] + 1 -> send(OTHER(me), TEXT, una[me], rcv[me])
    :: una[me] == iss[me] + 2 -> send(OTHER(me), FIN, una[me], rcv[me])
    :: else -> assert(false)
    fi
}

inline send_text(me)
{
    send(OTHER(me), TEXT, nxt[me], rcv[me]);
    nxt[me]++
}

inline close(me)
{
    send(OTHER(me), FIN, nxt[me], rcv[me]);
    nxt[me]++;
    if
    :: state[me] == ESTABLISHED -> state[me] = FIN_WAIT_1
    :: else -> state[me] = LAST_ACK
    fi
}

/* ---- the client ---- */

inline answer_stray(me)
{
    if
    :: kind == SYN -> send(OTHER(me), RST_ACK, 0, number + 1)
    :: kind == SYN_ACK || kind == ACK || kind == TEXT || kind == FIN ->
        send(OTHER(me), RST, acknowledged, 0)
    :: else -> skip
    fi
}

inline in_syn_sent()
{
    if
    :: kind == SYN_ACK && acknowledged == nxt[CLIENT] ->
        una[CLIENT] = acknowledged;
        rcv[CLIENT] = number + 1;
        state[CLIENT] = ESTABLISHED;
        client_heard = 1;
        acknowledge(CLIENT)
    :: kind == RST_ACK && acknowledged == nxt[CLIENT] -> end(CLIENT)
    :: (kind == SYN_ACK || kind == ACK || kind == TEXT || kind == FIN) && acknowledged != nxt[CLIENT] ->
        send(SERVER, RST, acknowledged, 0)
    :: else -> skip
    fi
}

proctype client()
{
    bit over; /* it opens once, or never */

    if
    :: over = 1
    :: skip
    fi;
    do
    :: atomic { AT(CLIENT, 0) != 0 ->
        take(CLIENT);
        if
        :: state[CLIENT] == NONE -> answer_stray(CLIENT)
        :: state[CLIENT] == SYN_SENT -> in_syn_sent()
        :: else -> on_segment(CLIENT)
        fi;
        forget_segment() }
    :: atomic { state[CLIENT] == NONE && !over ->
        over = 1;
        state[CLIENT] = SYN_SENT;
        iss[CLIENT] = ISN_NEW; una[CLIENT] = ISN_NEW; nxt[CLIENT] = ISN_NEW + 1;
        send(SERVER, SYN, ISN_NEW, 0) }
    :: atomic { RETRANSMITS(CLIENT) -> retransmit(CLIENT) }
    :: atomic { state[CLIENT] == SYN_SENT && !calm -> end(CLIENT) } /* no patience any more */
    :: atomic { MAY_SEND(CLIENT) && nxt[CLIENT] == iss[CLIENT] + 1 -> send_text(CLIENT) }
    :: atomic { closes && MAY_SEND(CLIENT) && nxt[CLIENT] == iss[CLIENT] + 2 -> close(CLIENT) }
    :: atomic { state[CLIENT] == TIME_WAIT && EMPTY -> end(CLIENT) } /* 2 MSL: nothing old is left */
    :: finished -> break
    od
}

/* ---- the server: the gate and what it lets in ---- */

/* The one moment that matters: nobody but the client who asked for it gets a connection, and he gets one. */
inline establish(isn, my_iss, by_cookie)
{
    assert(isn == ISN_NEW && (client_heard || STEPS == 2) && !opened); /* no ghost */
    opened = 1;
    from_cookie = by_cookie;
    state[SERVER] = ESTABLISHED;
    iss[SERVER] = my_iss; una[SERVER] = my_iss + 1; nxt[SERVER] = my_iss + 1;
    rcv[SERVER] = isn + 1;
    half_open = 0; half_irs = 0; half_iss = 0 /* last: isn and my_iss may be these */
}

inline forget_half_open()
{
    half_open = 0; half_irs = 0; half_iss = 0
}

inline answer_syn_by_cache()
{
    half_open = 1; half_irs = number; half_iss = ISS_CACHE(half_opens);
    half_opens++;
    send(CLIENT, SYN_ACK, half_iss, number + 1)
}

inline on_syn()
{
    if
    :: STEPS == 2 ->
        send(CLIENT, SYN_ACK, COOKIE(number), number + 1);
        establish(number, COOKIE(number), 0)
    :: STEPS == 3 && half_open && number == half_irs -> send(CLIENT, SYN_ACK, half_iss, half_irs + 1)
    :: STEPS == 3 && half_open && number != half_irs && TIERS != 2 ->
        if
        :: IN_WINDOW(number, half_irs + 1) -> forget_half_open()
        :: else -> send(CLIENT, ACK, half_iss + 1, half_irs + 1)
        fi
    :: STEPS == 3 && !half_open && TIERS != 2 ->
        if
        :: half_opens < HALF_OPENS -> answer_syn_by_cache()
        :: else -> send(CLIENT, RST_ACK, 0, number + 1) /* the model has no more numbers */
        fi
    :: STEPS == 3 && TIERS != 1 && !(half_open && number == half_irs) ->
        send(CLIENT, SYN_ACK, COOKIE(number), number + 1) /* and nothing is kept */
    fi
}

#define IS_VOID(isn) ((isn) == ISN_OLD && void_old || (isn) == ISN_NEW && void_new)
#define IS_GUARDED(isn) ((isn) == ISN_OLD && guard_old || (isn) == ISN_NEW && guard_new)

/* Nobody makes one but the server: no other pair of numbers fits. */
#define RETURNS_COOKIE                                           \
    ((number == ISN_OLD + 1 || number == ISN_NEW + 1) &&         \
     acknowledged == COOKIE(number - 1) + 1)

/* An ACK that no half-open asked for: of a cookie, or of nobody. Whoever is not believed meets silence while cookies are out,
 * and a RST later. */
inline on_stray_ack()
{
    if
    :: TIERS != 1 && RETURNS_COOKIE && !IS_VOID(number - 1) && !IS_GUARDED(number - 1) ->
        establish(number - 1, acknowledged - 1, 1);
        on_segment(SERVER)
    :: else ->
        if
        :: TIERS != 1 && !calm -> skip
        :: send(CLIENT, RST, acknowledged, 0)
        fi
    fi
}

inline on_ack_of_half_open()
{
    if
    :: !IN_WINDOW(number, half_irs + 1) -> send(CLIENT, ACK, half_iss + 1, half_irs + 1)
    :: else ->
        establish(half_irs, half_iss, 0);
        on_segment(SERVER)
    fi
}

inline at_the_gate()
{
    if
    :: kind == SYN -> on_syn()
    :: kind == RST || kind == RST_ACK ->
        if
        :: half_open && number == half_irs + 1 -> forget_half_open()
        :: half_open && number > half_irs + 1 && IN_WINDOW(number, half_irs + 1) ->
            send(CLIENT, ACK, half_iss + 1, half_irs + 1)
        :: else -> skip
        fi
    :: kind == SYN_ACK -> send(CLIENT, RST, acknowledged, 0)
    :: kind == ACK || kind == TEXT || kind == FIN ->
        if
        :: half_open && acknowledged == half_iss + 1 -> on_ack_of_half_open()
        :: else -> on_stray_ack()
        fi
    fi
}

proctype server()
{
    do
    :: atomic { AT(SERVER, 0) != 0 ->
        take(SERVER);
        if
        :: state[SERVER] == NONE -> at_the_gate()
        :: else -> on_segment(SERVER)
        fi;
        forget_segment() }
    :: atomic { half_open -> forget_half_open() } /* nobody acknowledged our SYN-ACK */
    :: atomic { half_open && !calm -> send(CLIENT, SYN_ACK, half_iss, half_irs + 1) }
    :: atomic { TIERS != 1 && !void_old -> void_old = 1 }
    :: atomic { TIERS != 1 && !void_new && (guard_new || !calm) -> void_new = 1 }
    :: atomic { guard_old && void_old -> guard_old = 0 }
    :: atomic { guard_new && void_new -> guard_new = 0 }
    :: atomic { RETRANSMITS(SERVER) -> retransmit(SERVER) }
    :: atomic { MAY_SEND(SERVER) && nxt[SERVER] == iss[SERVER] + 1 -> send_text(SERVER) }
    :: atomic { closes && MAY_SEND(SERVER) && nxt[SERVER] == iss[SERVER] + 2 -> close(SERVER) }
    :: atomic { state[SERVER] == TIME_WAIT && EMPTY -> end(SERVER) }
    :: finished -> break
    od
}

/* ---- the end: nobody can do anything any more ---- */

#define BOTH_CLOSED (state[CLIENT] == NONE && state[SERVER] == NONE)
#define BOTH_OPEN                                                                                  \
    (state[CLIENT] == ESTABLISHED && state[SERVER] == ESTABLISHED && rcv[CLIENT] == nxt[SERVER] && \
     rcv[SERVER] == nxt[CLIENT])

proctype judge()
{
    timeout ->
    assert(BOTH_CLOSED || (!closes && BOTH_OPEN));
    assert(!half_open && !guard_old && !guard_new); /* nothing is left behind */
    finished = 1
}

init
{
    atomic {
        send(SERVER, SYN, ISN_OLD, 0); /* late, from an incarnation that is over */
        if
        :: TIERS != 1 && STEPS == 3 ->
            send(SERVER, ACK, ISN_OLD + 1, COOKIE(ISN_OLD) + 1); /* and what had opened it */
            guard_old = GUARD
        :: else -> skip
        fi;
#ifdef CLOSES
        closes = CLOSES;
#else
        if
        :: closes = 1
        :: skip
        fi;
#endif
        run network();
        run client();
        run server();
        run judge()
    }
}

#ifdef FAIR
ltl settles { (<> calm) -> (<> finished) }
#endif
