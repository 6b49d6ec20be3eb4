/* The parts of `handfast journal`. argv[0] is the part's own name. */
#ifndef APP_JOURNAL_COMMANDS_H
#define APP_JOURNAL_COMMANDS_H

int journal_show(int argc, char **argv);
int journal_verify(int argc, char **argv);
int journal_init(int argc, char **argv);

#endif
