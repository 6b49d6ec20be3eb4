/* From a socket's value to what it names, while it is held. [RFC 9293 3.9.1] */
#ifndef SOCKET_LOOKUP_H
#define SOCKET_LOOKUP_H

#include <handfast/socket.h>

#include "stack/stack.h"

/* A value that only hf_status takes: a connection that no user holds (hf_next_socket gives it). Slots stay below it. */
#define SOCKET_OBSERVER_BIT UINT64_C(0x40000000)

/* The slot of a connection that its user holds: HF_OK, HF_NO_SOCKET, or HF_NOT_CONNECTED (a listener). */
int lookup_connection(const struct hf_stack *stack, hf_socket socket, uint32_t *slot);

/* The slot of a listener: HF_OK, HF_NO_SOCKET, or HF_INVALID (a connection). */
int lookup_listener(const struct hf_stack *stack, hf_socket socket, uint32_t *slot);

#endif
