import { createPki } from '../pki/pki.ts';
import type { Credentials, Pki } from '../pki/types.ts';
import { createIotCore, type IotCoreOptions } from './index.ts';
import { openRawClient, type RawClient, type RawClientOptions } from './raw-client.ts';
import type { BrokerEvent, BrokerMessage, IotCore } from './types.ts';

/** A started broker with registered Things, for tests of the twin itself. */
export interface Harness {
  core: IotCore;
  pki: Pki;
  events: BrokerEvent[];
  /** Every message that passed the broker, AWS's own included. */
  messages: BrokerMessage[];
  credentialsOf(thingName: string): Credentials;
  /** Opens a TLS connection with the Thing's certificate. */
  open(thingName: string, options?: Partial<RawClientOptions>): Promise<RawClient>;
  /** Opens and connects; rejects unless the broker accepts. */
  connect(thingName: string, options?: ConnectOptions): Promise<RawClient>;
  /** Waits for a broker event. */
  event(fits: (event: BrokerEvent) => boolean): Promise<BrokerEvent>;
  /** Waits for a message on a topic that begins so, seen or still to come. */
  message(fits: (message: BrokerMessage) => boolean): Promise<BrokerMessage>;
  stop(): Promise<void>;
}

export interface ConnectOptions extends Partial<RawClientOptions> {
  packet?: Parameters<RawClient['connect']>[0] | Omit<Parameters<RawClient['connect']>[0], 'clientId'>;
}

/** Quotas that only a test of themselves wants in its way. */
const UNHURRIED = { connectsPerSecondPerClient: Number.POSITIVE_INFINITY };

export async function startHarness(things: string[], options: Omit<IotCoreOptions, 'pki'> = {}): Promise<Harness> {
  const pki = await createPki();
  const core = createIotCore({ pki, ...options, limits: { ...UNHURRIED, ...options.limits } });
  const credentials = new Map<string, Credentials>();
  for (const thingName of things) {
    const issued = await pki.issueClient(thingName);
    credentials.set(thingName, issued);
    core.registerThing({ thingName, certificate: issued.certificate });
  }
  const events: BrokerEvent[] = [];
  const messages: BrokerMessage[] = [];
  const waiters = new Set<() => void>();
  const notify = () => {
    for (const waiter of [...waiters]) waiter();
  };
  core.onEvent((event) => {
    events.push(event);
    notify();
  });
  for (const filter of ['#', '$aws/#']) {
    core.onMessage(filter, (message) => {
      messages.push(message);
      notify();
    });
  }
  await core.start();
  const clients: RawClient[] = [];

  function find<T>(list: T[], fits: (item: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const look = () => {
        const found = list.find(fits);
        if (found === undefined) return;
        waiters.delete(look);
        resolve(found);
      };
      waiters.add(look);
      look();
    });
  }

  const credentialsOf = (thingName: string) => credentials.get(thingName)!;
  const open = async (thingName: string, rest: Partial<RawClientOptions> = {}) => {
    const { host, port } = core;
    const client = await openRawClient({ host, port, caCertificate: pki.caCertificate, credentials: credentialsOf(thingName), ...rest });
    clients.push(client);
    return client;
  };

  return {
    core,
    pki,
    events,
    messages,
    credentialsOf,
    open,
    async connect(thingName, { packet = {}, ...rest } = {}) {
      const client = await open(thingName, rest);
      const connack = await client.connect({ clientId: thingName, ...packet });
      const code = connack.reasonCode ?? connack.returnCode;
      if (code !== 0) throw new Error(`connection refused with ${code}`);
      return client;
    },
    event: (fits) => find(events, fits),
    message: (fits) => find(messages, fits),
    async stop() {
      for (const client of clients) client.destroy();
      await Promise.all(clients.map((client) => client.closed));
      await core.stop();
    },
  };
}
