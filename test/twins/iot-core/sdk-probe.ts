/**
 * A program of its own for the test with AWS's real client, whose native objects outlive a `stop()`.
 * Reads its connection from standard input and prints what it saw as one line of JSON.
 */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { iot, iotjobs, iotshadow, mqtt5 } from 'aws-iot-device-sdk-v2';

export interface ProbeInput {
  host: string;
  port: number;
  thingName: string;
  certificate: string;
  privateKey: string;
  caCertificate: string;
}

export interface ProbeReport {
  serverKeepAlive: number;
  maximumQos: number | undefined;
  getWithoutShadow: number | undefined;
  updatedVersion: number | undefined;
  staleUpdate: number | undefined;
  deltaState: unknown;
  ownMessage: string;
  retained: boolean;
  jobs: { waiting: unknown; taken: unknown; stale: unknown; done: unknown; left: boolean };
}

const KEEP_ALIVE_SECONDS = 30;

/** Takes the job `j1`, reports its progress with a wrong version and with the right one, and finishes it. */
async function work(client: mqtt5.Mqtt5Client, thingName: string): Promise<ProbeReport['jobs']> {
  const jobs = iotjobs.IotJobsClientv2.newFromMqtt5(client, {
    maxRequestResponseSubscriptions: 4,
    maxStreamingSubscriptions: 2,
    operationTimeoutInSeconds: 10,
  });
  const { execution: waiting } = await jobs.describeJobExecution({ thingName, jobId: '$next' });
  const { execution } = await jobs.startNextPendingJobExecution({ thingName, stepTimeoutInMinutes: 60 });
  const update = { thingName, jobId: 'j1', includeJobExecutionState: true };
  const stale = jobs.updateJobExecution({ ...update, status: iotjobs.model.JobStatus.IN_PROGRESS, expectedVersion: 9 });
  const refusal = await stale.then(
    () => null,
    ({ modeledError }) => ({ code: modeledError?.code, versionNumber: modeledError?.executionState?.versionNumber }),
  );
  const { executionState } = await jobs.updateJobExecution({ ...update, status: iotjobs.model.JobStatus.SUCCEEDED, expectedVersion: 2 });
  const { execution: next } = await jobs.describeJobExecution({ thingName, jobId: '$next' });
  return {
    waiting: waiting?.status,
    taken: { status: execution?.status, versionNumber: execution?.versionNumber, jobDocument: execution?.jobDocument },
    stale: refusal,
    done: executionState,
    left: next !== undefined,
  };
}

async function probe(input: ProbeInput): Promise<ProbeReport> {
  const { host, port, thingName, certificate, privateKey, caCertificate } = input;
  const config = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(host, certificate, privateKey)
    .withCertificateAuthority(caCertificate)
    .withPort(port)
    .withConnectProperties({ clientId: thingName, keepAliveIntervalSeconds: KEEP_ALIVE_SECONDS })
    .build();
  const client = new mqtt5.Mqtt5Client(config);
  client.on('error', () => {});
  const connected = once(client, 'connectionSuccess');
  client.start();
  const [{ settings }] = (await connected) as [mqtt5.ConnectionSuccessEvent];

  const shadow = iotshadow.IotShadowClientv2.newFromMqtt5(client, {
    maxRequestResponseSubscriptions: 4,
    maxStreamingSubscriptions: 2,
    operationTimeoutInSeconds: 10,
  });
  const codeOf = (error: { modeledError?: { code?: number } }) => error.modeledError?.code;
  const getWithoutShadow = await shadow.getShadow({ thingName }).then(() => undefined, codeOf);
  const { version } = await shadow.updateShadow({ thingName, state: { reported: { online: true } } });
  const stale = shadow.updateShadow({ thingName, version: 99, state: { reported: { online: false } } });
  const staleUpdate = await stale.then(() => undefined, codeOf);
  const deltas = shadow.createShadowDeltaUpdatedStream({ thingName });
  const established = once(deltas, 'subscriptionStatus');
  const delta = once(deltas, 'incomingPublish');
  deltas.open();
  await established;
  await shadow.updateShadow({ thingName, state: { desired: { command: 'get_nodes', args: {} } } });
  const [{ message: deltaMessage }] = await delta;

  const jobs = await work(client, thingName);

  const topicFilter = `hubs/${thingName}/presence`;
  await client.subscribe({ subscriptions: [{ topicFilter, qos: mqtt5.QoS.AtLeastOnce, retainAsPublished: true }] });
  const incoming = once(client, 'messageReceived');
  await client.publish({ topicName: topicFilter, qos: mqtt5.QoS.AtLeastOnce, retain: true, payload: 'online' });
  const [{ message }] = (await incoming) as [mqtt5.MessageReceivedEvent];
  const stopped = once(client, 'stopped');
  client.stop({ reasonCode: mqtt5.DisconnectReasonCode.NormalDisconnection });
  await stopped;
  return {
    serverKeepAlive: settings.serverKeepAlive,
    maximumQos: settings.maximumQos,
    getWithoutShadow,
    updatedVersion: version,
    staleUpdate,
    deltaState: deltaMessage.state,
    ownMessage: Buffer.from(message.payload as ArrayBuffer).toString(),
    retained: message.retain === true,
    jobs,
  };
}

const report = await probe(JSON.parse(await text(process.stdin)));
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
