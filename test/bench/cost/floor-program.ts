/**
 * The floor of every comparison: the smallest program that holds the agent's connection to AWS IoT: the same SDK with its shadow client, TLS,
 * keepalive, will and Node; no bus, no configuration, no state. Arguments: host, port, client id, folder with certificate.pem, private.key, ca.pem.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsIotMqtt5ClientConfigBuilder } from 'aws-crt/dist/native/aws_iot_mqtt5.js';
import { Mqtt5Client, QoS } from 'aws-crt/dist/native/mqtt5.js';
import { IotShadowClientv2 } from 'aws-iot-device-sdk-v2/dist/iotshadow/iotshadowclientv2.js';

const [host, port, thingName, folder] = process.argv.slice(2) as [string, string, string, string];
const text = (name: string) => readFileSync(join(folder, name), 'utf8');

const builder = AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(host, text('certificate.pem'), text('private.key'));
builder.withCertificateAuthority(text('ca.pem'));
builder.withPort(Number(port));
builder.withConnectProperties({
  clientId: thingName,
  keepAliveIntervalSeconds: 30,
  will: { topicName: `hubs/${thingName}/presence`, payload: '{}', qos: QoS.AtLeastOnce, retain: true },
});
const config = builder.build();
config.disableMetrics = true;
const client = new Mqtt5Client(config);
client.on('error', (error) => {
  throw error;
});
client.on('connectionSuccess', () => {
  const limits = { maxRequestResponseSubscriptions: 4, maxStreamingSubscriptions: 2, operationTimeoutInSeconds: 5 };
  const shadow = IotShadowClientv2.newFromMqtt5(client, limits);
  void shadow.updateShadow({ thingName, state: { reported: { online: true } } });
});
client.start();
