import { parentPort, workerData } from 'node:worker_threads';
import nodeWifi from 'node-wifi';

/** The thread that node-wifi runs in (see `node-wifi-thread.ts`): one scan, one message, the end. */
nodeWifi.init({ iface: (workerData as { interfaceName: string | null }).interfaceName });
nodeWifi.scan().then(
  (rows) => parentPort?.postMessage(rows),
  // An exit code other than 0 is enough for the parent; the error holds a command line and nmcli's output.
  () => process.exit(1),
);
