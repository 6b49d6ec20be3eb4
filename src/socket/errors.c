/* Errors and states in words. [RFC 9293 3.10, 3.3.2] */
#include <handfast/socket.h>

const char *hf_error_text(int error)
{
    switch ((enum hf_error)error) {
    case HF_OK: return "no error";
    case HF_AGAIN: return "nothing there now, or no room now";
    case HF_INVALID: return "impossible argument or configuration";
    case HF_NO_SOCKET: return "connection does not exist";
    case HF_NOT_CONNECTED: return "not connected";
    case HF_CLOSING: return "connection closing";
    case HF_RESET: return "connection reset by the peer";
    case HF_REFUSED: return "connection refused";
    case HF_TIMED_OUT: return "connection timed out";
    case HF_UNREACHABLE: return "the peer cannot be reached";
    case HF_ADDRESS_IN_USE: return "address and port are in use";
    case HF_NO_ADDRESS: return "the local address is not one of the stack's";
    case HF_NO_ROUTE: return "no route to the remote address";
    case HF_NO_ROOM: return "insufficient resources: a configured limit is reached";
    case HF_ABORTED: return "ended by our own side";
    case HF_EXISTS: return "connection already exists";
    case HF_TOO_SMALL: return "the memory given is smaller than needed";
    case HF_NO_MEMORY: return "the operating system gave no memory";
    case HF_NO_PERMISSION: return "permission denied: root or CAP_NET_ADMIN is needed";
    case HF_NO_DEVICE: return "there is no TUN device (/dev/net/tun)";
    case HF_DEVICE_BUSY: return "the interface is held by another program";
    case HF_SYSTEM: return "a system call failed";
    case HF_FORBIDDEN: return "forbidden by a rule of the filter";
    case HF_NO_CRYPTO: return "no crypto operations in the environment";
    }
    return "unknown error";
}

const char *hf_state_text(enum hf_state state)
{
    switch (state) {
    case HF_STATE_CLOSED: return "CLOSED";
    case HF_STATE_LISTEN: return "LISTEN";
    case HF_STATE_SYN_SENT: return "SYN-SENT";
    case HF_STATE_SYN_RECEIVED: return "SYN-RECEIVED";
    case HF_STATE_ESTABLISHED: return "ESTABLISHED";
    case HF_STATE_FIN_WAIT_1: return "FIN-WAIT-1";
    case HF_STATE_FIN_WAIT_2: return "FIN-WAIT-2";
    case HF_STATE_CLOSE_WAIT: return "CLOSE-WAIT";
    case HF_STATE_CLOSING: return "CLOSING";
    case HF_STATE_LAST_ACK: return "LAST-ACK";
    case HF_STATE_TIME_WAIT: return "TIME-WAIT";
    case HF_STATES: break;
    }
    return "?";
}
