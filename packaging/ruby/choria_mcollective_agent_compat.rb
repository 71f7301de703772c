#!/usr/bin/ruby
# frozen_string_literal: true

# Runs MCollective agents for a Choria server, in one of two ways.
#
#   choria_mcollective_agent_compat.rb --config FILE
#
# answers one request: JSON on standard input, one line of JSON on standard output. Every Choria server can call it so; it is what
# `plugin.choria.agent_provider.mcorpc.agent_shim` names.
#
#   choria_mcollective_agent_compat.rb --config FILE --worker AGENT [--memory MEBIBYTES] [--reply-bytes COUNT]
#
# loads one agent once and then answers many requests. Each request runs in a process of its own, forked from the one that has the
# agent loaded: what a call changes, leaks or breaks is gone with it, just as it is when the program above is started anew, and only
# the time to load Ruby, the library and the agent is saved. Requests and replies are frames: four bytes of length, highest first,
# and that much JSON.
#
# The library is whichever MCollective this Ruby finds: that of Debian, or the choria-mcorpc-support gem.

require "io/wait"
require "json"
require "optparse"

module ChoriaCompat
  # What a caller is told when the agent could not even be asked.
  INVOKE_FAILED = "Choria MCollective Compatibility Layer failed to invoke the action: %s"

  # Log lines go to standard error, which the server writes to its own log.
  class Logger
    LEVELS = %i[debug info warn error fatal].freeze

    def initialize(level)
      @threshold = LEVELS.index(level) || LEVELS.index(:warn)
    end

    def start; end

    def set_logging_level(level); end

    def cycle_level; end

    def reopen; end

    def log(level, from, message, *)
      return if LEVELS.index(level) < @threshold

      $stderr.puts("#{level}: #{from}: #{message}")
    end
  end

  # The library with its configuration, and one agent at a time.
  class Agents
    def initialize(config_file)
      require "mcollective"
      mend_run

      config = MCollective::Config.instance
      config.mode = :server if config.respond_to?(:mode=)
      # Until the configuration is read nobody knows the level that was asked for, and reading it says a lot.
      MCollective::Log.configure(Logger.new(:error))
      config.loadconfig(config_file)
      MCollective::Log.configure(Logger.new(config.loglevel.to_s.to_sym))
      @config = config
    end

    # Loads the agent's file; false when there is none.
    def load(name)
      return false unless name.is_a?(String) && name.match?(/\A[A-Za-z0-9_]+\z/)
      return false unless agent_file(name)

      MCollective::PluginManager.delete("#{name}_agent")
      MCollective::PluginManager.loadclass(class_name(name))
      MCollective::PluginManager << {:type => "#{name}_agent", :class => class_name(name), :single_instance => false}
      true
    end

    # Agents say for themselves whether they want to run here.
    def active?(name)
      klass = MCollective::Agent.const_get(name.capitalize)
      klass.respond_to?(:activate?) ? klass.activate? : true
    rescue Exception => e # rubocop:disable Lint/RescueException
      MCollective::Log.warn("Agent #{name} could not say whether it is active: #{e.class}: #{e}")
      false
    end

    # Makes the agent once and forgets it: its start-up hooks load what calls will need.
    def try(name)
      MCollective::PluginManager["#{name}_agent"]
    end

    # @return [String] the JSON text of the reply; "null" when the caller wants none
    def answer(request)
      name = request["agent"]
      return failed("Unknown agent #{name}") unless known?(name) && active?(name)

      reply = MCollective::PluginManager["#{name}_agent"].handlemsg(message(request), nil)
      reply.nil? ? "null" : generate(reply)
    rescue Exception => e # rubocop:disable Lint/RescueException
      raise if e.is_a?(SystemExit) || e.is_a?(SignalException)

      MCollective::Log.error("#{e.class}: #{e}\n\t#{Array(e.backtrace).join("\n\t")}")
      failed(e.to_s)
    end

    def failed(problem)
      JSON.generate("statuscode" => 1, "statusmsg" => format(INVOKE_FAILED, problem), "data" => {})
    end

    # Every file whose change makes what was loaded stale.
    def files(name)
      directories = @config.libdir.select { |directory| directory.to_s.start_with?("/") }
      own = %w[rb ddl json].map { |ending| directories.map { |directory| "#{directory}/mcollective/agent/#{name}.#{ending}" } }
      helpers = $LOADED_FEATURES.select { |path| path.include?("/mcollective/agent/") || path.include?("/mcollective/util/") }
      plugin_directory = File.join(@config.configdir, "plugin.d")
      [@config.configfile, plugin_directory, File.join(plugin_directory, "#{name}.cfg")] + own.flatten + helpers
    end

    private

    # Debian's library ends the thread that watches a program through the program's status. With its newer systemu a status knows no
    # thread, and every `run` of an agent would fail after the program has run.
    def mend_run
      Process::Status.class_eval { define_method(:thread) { Thread.new {} } } unless Process::Status.method_defined?(:thread)
    end

    def known?(name)
      MCollective::PluginManager.include?("#{name}_agent") || load(name)
    end

    def agent_file(name)
      @config.libdir.map { |directory| File.join(directory.to_s, "mcollective", "agent", "#{name}.rb") }.find { |path| File.file?(path) }
    end

    def class_name(name)
      "MCollective::Agent::#{name.capitalize}"
    end

    def message(request)
      request.each_with_object({}) { |(key, value), message| message[key.to_sym] = value }
    end

    # Agents put anything into replies; text that is not UTF-8 and numbers that JSON does not know must not cost the whole answer.
    def generate(reply)
      JSON.generate(reply)
    rescue JSON::GeneratorError, EncodingError
      JSON.generate(clean(reply))
    end

    def clean(value)
      case value
      when Hash then value.each_with_object({}) { |(key, item), result| result[clean(key.to_s)] = clean(item) }
      when Array then value.map { |item| clean(item) }
      when String then value.dup.force_encoding(Encoding::UTF_8).scrub
      when Float then value.finite? ? value : nil
      when Integer, true, false, nil then value
      else clean(value.to_s)
      end
    end
  end

  # Reads frames from one stream.
  class FrameReader
    BYTES_MAX = 64 * 1024 * 1024

    def initialize(io)
      @io = io
      @buffer = String.new(:encoding => Encoding::BINARY)
    end

    # @return [Array<Hash>, nil] the frames that have come in whole; nil when the other side has closed
    def read
      @buffer << @io.read_nonblock(1024 * 1024)
      frames = []
      while @buffer.bytesize >= 4
        size = @buffer.unpack1("N")
        raise "a frame has #{size} bytes, expected at most #{BYTES_MAX}" if size > BYTES_MAX
        break if @buffer.bytesize < size + 4

        frames << JSON.parse(@buffer.slice!(0, size + 4)[4..-1].force_encoding(Encoding::UTF_8))
      end
      frames
    rescue IO::WaitReadable
      []
    rescue EOFError, Errno::ECONNRESET
      nil
    end
  end

  # One request under way in a process of its own.
  class Call
    GRACE_SECONDS = 2
    AFTER_REPLY_SECONDS = 10

    attr_reader :id, :pid, :pipe, :problem

    def initialize(id, pid, pipe)
      @id = id
      @pid = pid
      @pipe = pipe
      @data = String.new(:encoding => Encoding::BINARY)
    end

    # @return [String, nil] the whole result once it is there
    def take(bytes_max)
      @data << @pipe.read_nonblock(256 * 1024)
      size = @data.unpack1("N") if @data.bytesize >= 4
      if size && size > bytes_max
        kill("its reply has #{size} bytes, expected at most #{bytes_max}")
        nil
      elsif size && @data.bytesize >= size + 4
        answered!
        @data[4, size]
      end
    rescue IO::WaitReadable
      nil
    rescue EOFError
      @closed = true
      nil
    end

    def readable?
      !@closed && !@answered
    end

    def answered!
      @answered = true
      @kill_at = now + AFTER_REPLY_SECONDS
    end

    def answered?
      @answered
    end

    # First politely, then for good; the whole process group, as agents start programs.
    def kill(problem, signal = :TERM)
      @problem ||= problem
      @kill_at ||= now + GRACE_SECONDS
      signal_group(signal)
    end

    def tend
      return unless @kill_at && now >= @kill_at

      signal_group(:KILL)
      @kill_at = now + GRACE_SECONDS
    end

    def memory_bytes
      File.read("/proc/#{@pid}/statm").split[1].to_i * 4096
    rescue SystemCallError
      0
    end

    # @return [Process::Status, nil] how it ended, once it has
    def ended
      _, status = Process.wait2(@pid, Process::WNOHANG)
      return nil unless status

      # What the agent left behind after it was told to stop goes with it.
      signal_group(:KILL) if @problem
      status
    end

    private

    def signal_group(signal)
      Process.kill(signal, -@pid)
    rescue Errno::ESRCH, Errno::EPERM
      # Before it has made its group, or after all of it has ended.
      begin
        Process.kill(signal, @pid)
      rescue Errno::ESRCH
        nil
      end
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end

  # Notes what an action requires for itself, so that it can be loaded beforehand the next time.
  module RequireNotes
    def self.start
      notes = []
      depth = 0
      Kernel.module_eval do
        alias_method :choria_require, :require
        define_method(:require) do |name|
          begin
            depth += 1
            loaded = choria_require(name)
          ensure
            depth -= 1
          end
          notes << name.to_s if loaded && depth.zero?
          loaded
        end
        private :choria_require, :require
      end
      notes
    end
  end

  # Holds one loaded agent and forks for each request.
  class Worker
    LEARNED_MAX = 64

    def initialize(agents, options)
      @agents = agents
      @agent = options[:worker]
      @memory_bytes = options[:memory] * 1024 * 1024
      @reply_bytes = options[:reply_bytes]
      @calls = {}
      @learned = {}
      take_streams
      @lifeline, @lifeline_end = IO.pipe
    end

    def run
      raise "there is no #{@agent}.rb below the libdir of #{MCollective::Config.instance.configfile}" unless @agents.load(@agent)

      # An agent that does not want to run here is asked again with each request.
      @agents.try(@agent) if @agents.active?(@agent)
      @seen = stamps
      settle
      send_frame("t" => "ready", "ruby" => RUBY_VERSION, "library" => MCollective::VERSION, "pid" => Process.pid)
      loop { break unless turn }
    rescue Exception => e # rubocop:disable Lint/RescueException
      raise if e.is_a?(SystemExit) || e.is_a?(SignalException)

      send_frame("t" => "problem", "message" => "#{e.class}: #{e}")
    ensure
      @calls.each_value { |call| call.kill("the worker ends", :KILL) }
    end

    private

    # Frames have the streams for themselves: what agents and their programs print goes to standard error, what they read is empty.
    def take_streams
      @input = $stdin.dup
      @output = $stdout.dup
      [@input, @output].each { |io| io.close_on_exec = true; io.binmode }
      @output.sync = true
      $stdin.reopen(File::NULL)
      $stdout.reopen($stderr)
      $stdout.sync = true
      $stderr.sync = true
      @frames = FrameReader.new(@input)
    end

    # The fewer pages change after this, the more of them all calls share.
    def settle
      GC.start
      GC.compact if GC.respond_to?(:compact)
    rescue NotImplementedError
      nil
    end

    # @return [Boolean] false when the work is done
    def turn
      pipes = @calls.values.select(&:readable?).map(&:pipe)
      ready, = IO.select([@input] + pipes, nil, nil, @calls.empty? ? nil : 0.25)
      if ready&.include?(@input)
        frames = @frames.read
        return false if frames.nil?

        frames.each { |frame| take(frame) }
      end
      @calls.each_value { |call| collect(call) if ready&.include?(call.pipe) }
      tend_calls
      !(@stopping && @calls.empty?)
    end

    def take(frame)
      case frame["t"]
      when "call" then start(frame)
      when "cancel" then @calls[frame["id"]]&.kill("its time was over")
      when "stop" then @stopping = true
      end
    end

    def start(frame)
      id = frame["id"]
      return send_frame("t" => "stale", "id" => id) if stamps != @seen

      reader, writer = IO.pipe
      reader.binmode
      writer.binmode
      pid = fork { answer(frame["request"], writer) }
      writer.close
      @calls[id] = Call.new(id, pid, reader)
    rescue SystemCallError => e
      send_frame("t" => "failed", "id" => id, "problem" => "no process could be started for it: #{e.message}")
    end

    # Runs in the forked process.
    def answer(request, writer)
      Process.setpgid(0, 0)
      @lifeline_end.close
      @output.close
      @input.close
      @calls.each_value { |call| call.pipe.close }
      end_with_worker
      srand
      notes = RequireNotes.start
      text = @agents.answer(request)
      result = JSON.generate("output" => text, "required" => notes.first(LEARNED_MAX))
      writer.write([result.bytesize].pack("N"), result)
      writer.close
    end

    # When the worker is killed nobody would tell this process that its time is over.
    def end_with_worker
      Thread.new do
        @lifeline.read
        Process.kill(:KILL, -Process.pid)
      end
    end

    def collect(call)
      result = call.take(@reply_bytes)
      return unless result

      result = JSON.parse(result.force_encoding(Encoding::UTF_8))
      send_frame("t" => "reply", "id" => call.id, "output" => result["output"])
      learn(result["required"])
    end

    def learn(names)
      fresh = names.reject { |name| @learned.key?(name) || @learned.size >= LEARNED_MAX }
      return if fresh.empty?

      fresh.each do |name|
        @learned[name] = true
        begin
          require name
        rescue Exception => e # rubocop:disable Lint/RescueException
          raise if e.is_a?(SystemExit) || e.is_a?(SignalException)

          $stderr.puts("warn: could not load #{name} beforehand: #{e}")
        end
      end
      @seen = stamps
      settle
    end

    def tend_calls
      @calls.each_value do |call|
        if !call.answered? && call.problem.nil? && @memory_bytes.positive? && call.memory_bytes > @memory_bytes
          call.kill("it used more than #{@memory_bytes / 1024 / 1024} MiB of memory", :KILL)
        end
        call.tend
      end
      @calls.delete_if { |_, call| finished?(call) }
    end

    def finished?(call)
      status = call.ended
      return false unless status

      # It may have answered and ended between two looks.
      collect(call) while call.readable? && call.pipe.wait_readable(0)
      call.pipe.close
      unless call.answered?
        how = status.signaled? ? "signal #{status.termsig}" : "exit status #{status.exitstatus}"
        problem = call.problem || "its process ended with #{how} and without an answer"
        send_frame("t" => "failed", "id" => call.id, "problem" => problem)
      end
      true
    end

    # Names, sizes and times of everything that was loaded for the agent.
    def stamps
      @agents.files(@agent).uniq.map do |path|
        begin
          info = File.stat(path)
          [path, info.mtime.to_r, info.size, info.ino]
        rescue SystemCallError
          [path]
        end
      end
    end

    def send_frame(frame)
      text = JSON.generate(frame)
      @output.write([text.bytesize].pack("N") + text.b)
    rescue Errno::EPIPE
      exit!(1)
    end
  end

  def self.options(arguments)
    options = {:memory => 0, :reply_bytes => 8 * 1024 * 1024}
    OptionParser.new do |parser|
      parser.on("--config FILE") { |value| options[:config] = value }
      parser.on("--worker AGENT") { |value| options[:worker] = value }
      parser.on("--memory MEBIBYTES", Integer) { |value| options[:memory] = value }
      parser.on("--reply-bytes COUNT", Integer) { |value| options[:reply_bytes] = value }
    end.parse!(arguments)
    abort("Cannot run Ruby agents: expected --config FILE") unless options[:config]
    options
  end

  def self.main(arguments)
    options = options(arguments)
    if options[:worker]
      $PROGRAM_NAME = "choria ruby agent #{options[:worker]}"
      Worker.new(Agents.new(options[:config]), options).run
    else
      request = JSON.parse($stdin.read)
      # The answer has standard output for itself.
      output = $stdout.dup
      $stdout.reopen($stderr)
      output.puts(Agents.new(options[:config]).answer(request))
    end
  end
end

ChoriaCompat.main(ARGV)
