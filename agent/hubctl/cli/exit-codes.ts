/** What hubctl ends with, for scripts. From sysexits.h where it has a word for it. */
export const EXIT = {
  ok: 0,
  /** It was done, and the answer is bad news: a fault was found, a command failed. */
  bad: 1,
  /** EX_USAGE: wrong arguments. */
  usage: 64,
  /** EX_UNAVAILABLE: the agent does not run; what was shown comes from the disk. */
  down: 69,
  /** EX_SOFTWARE: a bug of hubctl or of the agent. */
  bug: 70,
  /** EX_IOERR: the output could not be written. */
  output: 74,
  /** EX_TEMPFAIL: the agent runs and does not answer in time, takes no more connections, or gives an answer that hubctl does not understand. */
  hung: 75,
  /** EX_NOPERM: only root, or the group of the service, may do this. */
  forbidden: 77,
  /** EX_CONFIG: the configuration is wrong. */
  config: 78,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;
