import * as z from 'zod';
import { credentialPath, editorSchema, label } from './fields.ts';

/** AWS IoT: a Thing's name is 1 to 128 of these characters. It is also the MQTT client id and a level of topics. */
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
/** The longest label that the backend takes for serial, model and vendor. */
const MAX_LABEL_LENGTH = 128;

/** `identity.json`: who the hub is. Written once, at manufacturing. */
export const identitySchema = z
  .strictObject({
    $schema: editorSchema,
    hubId: z.uuid('must be a UUID (8-4-4-4-12 hexadecimal digits)').describe('UUID of the hub, as the backend knows it.'),
    serial: label(MAX_LABEL_LENGTH, 'Serial number on the type plate.'),
    model: label(MAX_LABEL_LENGTH, 'Model on the type plate.'),
    vendorName: label(MAX_LABEL_LENGTH, 'Name of the manufacturer.'),
    thingName: z
      .string()
      .regex(THING_NAME, 'must be 1 to 128 letters, digits, ":", "_" or "-"')
      .optional()
      .describe('Name of the AWS IoT Thing, also the MQTT client id. Default: hubId.'),
    certificatePath: credentialPath(
      "The hub's X.509 certificate, PEM. A relative path counts from this file's folder; credential:NAME is possible.",
    ),
    privateKeyPath: credentialPath('The private key of the certificate, PEM, not encrypted, readable by the agent only.'),
  })
  .describe('Identity of a hub.');
