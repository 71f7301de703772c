/** Every bound of this area, with its reason. */
export const protocolLimits = {
  /** nats-server's default max_payload is 1 MiB; operators raise it to 8 MiB for large replies. */
  messageBytesMax: 16_777_216,
  /** A request is read by every node, so it may be far smaller than a reply. */
  requestBytesMax: 4_194_304,
  /** Real documents nest seven levels deep. */
  jsonDepthMax: 64,
  /** Keys and elements of one document; a filter with 10,000 identities has about 10,100. */
  jsonItemsMax: 200_000,
  /** Identities, senders, callers, collectives, agents, ids. */
  nameLengthMax: 255,
  /** NATS servers cut lines beyond 4,096 bytes; a publish line holds two subjects and numbers. */
  subjectLengthMax: 1_024,
  /** Hops that a message may have made; a federated round trip makes four. */
  hopsMax: 32,
  /** Text of one part of a hop. */
  hopTextLengthMax: 1_024,
  /** Subjects in one federated message; the clients send at most 200. */
  federationTargetsMax: 1_000,
  /** Entries of each kind of a filter; 10,000 nodes named one by one. */
  filterEntriesMax: 20_000,
  /** A request's life is cut to this unless configured otherwise, so that replay memory stays bounded. */
  ttlCeilingSeconds: 3_600,
  /** Request ids remembered; one costs about 150 bytes. Beyond it requests are refused, none is forgotten. */
  replayEntriesMax: 100_000,
  /** Requests kept decoded and verified for other servers of the process. */
  requestCacheEntriesMax: 1_024,
  /** How long a decoded request is kept: a burst to all servers of a process is over by then. */
  requestCacheSeconds: 10,
  /** The last transports kept opened for the other servers of a process; a fleet asks a few things at a time. */
  transportCacheEntriesMax: 8,
  /** Larger transports are opened each time, so that the cache stays below half a megabyte. */
  transportCacheBytesMax: 65_536,
  /** Bytes of the file of remembered request ids; 100,000 records have 9 MB and the file holds up to twice as many. */
  replayFileBytesMax: 67_108_864,
  /** Agents that one question about interest names; a filter has a handful. */
  interestAgentsMax: 32,
  /** Identities that one question about interest names: with 60 characters each still below 1 MiB. */
  interestIdentitiesMax: 10_000,
  /** A longer answer about interest leaves the names out; a broker takes 1 MiB by default. */
  interestAnswerBytesMax: 900_000,
  /** Packed names, unpacked: a million of thirty characters. */
  interestNamesBytesMax: 33_554_432,
  /** What is read of a message about interest. */
  interestDocumentBytesMax: 4_194_304,
  /** Headers around a message in which a note, or the wish for one, is looked for: one line of two names. */
  noteHeaderBytesMax: 2_048,
} as const;
