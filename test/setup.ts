/**
 * Runs before each test file: what the caller's shell, service manager or CI adds to a process is taken away, so that no test, and no process
 * that a test starts, sees who runs it. What a test needs of this it sets itself.
 */

/** Set by service managers, login shells and tools for what they start. */
const OF_THE_CALLER =
  /^(CREDENTIALS_DIRECTORY|(RUNTIME|STATE|CACHE|LOGS|CONFIGURATION)_DIRECTORY|NOTIFY_SOCKET|WATCHDOG_.*|INVOCATION_ID|JOURNAL_STREAM|LISTEN_.*|DBUS_.*|XDG_.*|SUDO_.*|LC_.*|LANG|LANGUAGE|TZ|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|NODE_OPTIONS|NODE_TLS_.*|NODE_USE_ENV_PROXY|SSL_CERT_.*|(https?|all|no)_proxy|AWS_.*|GIT_.*|SOURCE_DATE_EPOCH)$/i;

for (const name of Object.keys(process.env)) if (OF_THE_CALLER.test(name)) delete process.env[name];
process.env.LANG = 'C.UTF-8';
process.env.TZ = 'UTC';
process.umask(0o022);
