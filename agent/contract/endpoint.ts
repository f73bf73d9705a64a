/** MQTT over TLS with client certificates on AWS IoT (developer guide, "Device communication protocols"). */
export const MQTT_PORT = 8883;
/** The other way in, which firewalls let through. */
export const MQTT_PORT_443 = 443;
/** The name that a client offers in TLS (RFC 7301) to say that it speaks MQTT: needed on 443, taken on 8883. */
export const MQTT_ALPN = 'x-amzn-mqtt-ca';

/** The ports of the endpoint in the order they are tried. `fallback`: undefined for 443 beside 8883, null for none. */
export function portsOf(port: number, fallback: number | null | undefined): number[] {
  const second = fallback === undefined && port === MQTT_PORT ? MQTT_PORT_443 : fallback;
  return [...new Set([port, second ?? port])];
}
