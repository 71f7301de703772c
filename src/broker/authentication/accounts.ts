/**
 * The accounts of a Choria broker, and the few subjects that cross from one to another (spec broker 4).
 *
 * Both engines are set up from this table.
 */
export const fleetAccountName = 'choria';
export const systemAccountName = 'system';
/** Servers that have no configuration yet, and the provisioner. */
export const provisioningAccountName = 'provisioning';

/** What is published in `from` is also seen in `to`, under the same subject. */
export interface StreamExport {
  readonly kind: 'stream';
  readonly from: string;
  readonly to: string;
  readonly subject: string;
}

/** A request published in `from` is sent on in `to` under another subject; answers find their way back. */
export interface ServiceExport {
  readonly kind: 'service';
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly target: string;
}

export type AccountExport = StreamExport | ServiceExport;

const electionInfo = 'STREAM.INFO.KV_CHORIA_LEADER_ELECTION';
const electionKey = '$KV.CHORIA_LEADER_ELECTION.provisioner';

function electionService(subject: string, target: string): ServiceExport {
  return {kind: 'service', from: provisioningAccountName, to: fleetAccountName, subject, target};
}

/** Provisioning tells the fleet what it does, and its leader election uses the fleet's bucket. Nothing flows the other way. */
export const accountExports: readonly AccountExport[] = [
  {kind: 'stream', from: provisioningAccountName, to: fleetAccountName, subject: 'choria.lifecycle.>'},
  electionService(`choria.streams.${electionInfo}`, `$JS.API.${electionInfo}`),
  electionService(electionKey, electionKey),
  electionService(`choria.streams.${electionKey}`, electionKey),
];
