/**
 * The floor of latency: takes a command from the shadow, clears it on the condition of its version and answers it, with as many messages as the
 * agent and nothing in between: no journal, no checks, no work. Arguments as of the floor.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsIotMqtt5ClientConfigBuilder } from 'aws-crt/dist/native/aws_iot_mqtt5.js';
import { Mqtt5Client, QoS } from 'aws-crt/dist/native/mqtt5.js';

const [host, port, thingName, folder] = process.argv.slice(2) as [string, string, string, string];
const text = (name: string) => readFileSync(join(folder, name), 'utf8');
const SHADOW = `$aws/things/${thingName}/shadow/update`;

const builder = AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(host, text('certificate.pem'), text('private.key'));
builder.withCertificateAuthority(text('ca.pem'));
builder.withPort(Number(port));
builder.withConnectProperties({ clientId: thingName, keepAliveIntervalSeconds: 30 });
const config = builder.build();
config.disableMetrics = true;
const client = new Mqtt5Client(config);
client.on('error', (error) => {
  throw error;
});

const publish = (topic: string, payload: unknown) =>
  void client.publish({ topicName: topic, payload: JSON.stringify(payload), qos: QoS.AtLeastOnce }).catch(() => {});
/** The command whose clear is under way, by the token of its update. */
const taken = new Map<string, string>();

client.on('messageReceived', ({ message }) => {
  const body = JSON.parse(new TextDecoder().decode(message.payload as ArrayBuffer)) as {
    version: number;
    clientToken?: string;
    state: { command?: string };
  };
  if (message.topicName.endsWith('/delta')) {
    const { command } = body.state;
    if (command === undefined) return;
    const clientToken = `echo-${body.version}`;
    taken.set(clientToken, command);
    const reported = { lastCommand: { id: clientToken, command, status: 'IN_PROGRESS' } };
    publish(SHADOW, { state: { desired: { command: null, args: null }, reported }, version: body.version, clientToken });
    return;
  }
  const id = body.clientToken ?? '';
  const command = taken.get(id);
  if (command === undefined) return;
  taken.delete(id);
  publish(`hubs/${thingName}/commands/${id}/result`, { id, command, status: 'SUCCEEDED', page: 1, pages: 1, result: {} });
  publish(SHADOW, { state: { reported: { online: true, lastCommand: { id, command, status: 'SUCCEEDED' } } } });
});
client.on('connectionSuccess', () => {
  const filters = [`${SHADOW}/delta`, `${SHADOW}/accepted`];
  const subscribed = client.subscribe({ subscriptions: filters.map((topicFilter) => ({ topicFilter, qos: QoS.AtLeastOnce })) });
  // Online only now: a command that comes before would not be heard.
  void subscribed.then(() => publish(SHADOW, { state: { reported: { online: true, session: 'echo' } } }));
});
client.start();
