/** Addresses and networks in CIDR form. IPv4 addresses inside IPv6, as a listener on `::` sees them, count as IPv4. */
import {parseIpAddress} from '../../lib/ip-address.ts';

export interface NetworkList {
  /** Entries that are neither an address nor a network; they match nothing. */
  readonly invalid: readonly string[];
  contains(address: string): boolean;
}

interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

const mappedPrefix = '::ffff:';

export function createNetworkList(entries: readonly string[]): NetworkList {
  const invalid: string[] = [];
  const networks: Network[] = [];
  for (const entry of entries) {
    const network = parseNetwork(entry.trim());
    if (network === undefined) invalid.push(entry);
    else networks.push(network);
  }
  return {
    invalid,
    contains(address) {
      const plain =
        address.startsWith(mappedPrefix) && address.includes('.') ? address.slice(mappedPrefix.length) : address;
      const bytes = parseIpAddress(plain);
      return bytes !== undefined && networks.some((network) => isInside(bytes, network));
    },
  };
}

function parseNetwork(text: string): Network | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const bytes = parseIpAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (bits === undefined) return {bytes, bits: bytes.length * 8};
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bytes.length * 8) return undefined;
  return {bytes, bits: Number(bits)};
}

function isInside(address: Uint8Array, network: Network): boolean {
  if (address.length !== network.bytes.length) return false;
  for (let bit = 0; bit < network.bits; bit += 8) {
    const left = network.bits - bit;
    const mask = left >= 8 ? 255 : (255 << (8 - left)) & 255;
    const index = bit >> 3;
    if (((address[index] ?? 0) & mask) !== ((network.bytes[index] ?? 0) & mask)) return false;
  }
  return true;
}
