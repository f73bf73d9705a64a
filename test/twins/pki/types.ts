/** PEM texts of a certificate and its private key. */
export interface Credentials {
  certificate: string;
  privateKey: string;
}

/** A private certificate authority for one run; everything is made on the spot and kept in memory. */
export interface Pki {
  /** PEM of the root. */
  readonly caCertificate: string;
  /** A server certificate (P-256) for the given host names and addresses. */
  issueServer(hosts: string[]): Promise<Credentials>;
  /** A client certificate (P-256), `commonName` as AWS would have it or the Thing's. Validity can be set to test expiry. */
  issueClient(commonName: string, validity?: { notBefore: Date; notAfter: Date }): Promise<Credentials>;
  /** A revocation list (PEM) that names these certificates, with which a server refuses them. */
  revoke(certificates: string[]): Promise<string>;
}
