/* What must be true before a single frame is forged. */
#ifndef TESTS_LAB_PROOF_H
#define TESTS_LAB_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#define PROOF_INTERFACE "at0" /* the one interface that an attacker of the lab has, beside lo */

/* Whether this process runs where the lab put it. All of it must hold:
 *   - it is in a process namespace of its own, and in another network namespace than whoever stands outside of that (and
 *     than the machine's first process, where that can be seen);
 *   - its namespace has no interface but lo and PROOF_INTERFACE, which is one end of a veth;
 *   - PROOF_INTERFACE carries the alias "handfast-lab-MARKER", and MARKER is what the lab wrote into the inherited pipe
 *     `lab_fd`, whose other end it still holds.
 * False: `why` says in one sentence what does not hold. */
bool proof_of_lab(int lab_fd, char why[256]);

/* The lab's end of the pipe is closed: it is gone. */
bool proof_lab_gone(int lab_fd);

/* Only networks set aside for documentation are ever attacked: 192.0.2.0/24 (RFC 5737), and their broadcast addresses.
 * `address` in network order. */
bool proof_may_attack(uint32_t address);

#endif
