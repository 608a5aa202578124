// A container as `inspect` shows it: docker's fields, as far as they mean something here.
import type { Container, Containers } from '../../container/containers.js'
import type { ContainerMount } from '../../container/record.js'
import { type ContainerState, stateOf } from '../../container/state.js'
import { isWholeTree } from '../../mount/drivers/with-tree.js'
import { Volumes } from '../../container/volumes.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { stateWord } from './ps.js'

/** Text throughout. */
export function describeContainer(containers: Containers, container: Container): unknown {
  const { record } = container
  const { process: what } = record
  const [path, ...args] = [...what.entrypoint, ...what.command]
  return textOfAnswer({
    Id: record.id,
    Created: record.created,
    Path: path ?? '',
    Args: args,
    State: describeState(stateOf(container)),
    Image: record.image,
    LogPath: container.file('log'),
    HostnamePath: container.file('hostname'),
    HostsPath: container.file('hosts'),
    ResolvConfPath: container.file('resolv.conf'),
    Name: `/${record.name}`,
    RestartCount: 0,
    Driver: record.driver,
    Platform: 'linux',
    HostConfig: {
      NetworkMode: record.network,
      AutoRemove: record.autoRemove,
      ReadonlyRootfs: record.readOnly,
      CapAdd: record.capAdd,
      CapDrop: record.capDrop,
      Memory: record.limits.memory ?? 0,
      NanoCpus: Math.round((record.limits.cpus ?? 0) * 1e9),
      Runtime: record.runtime,
    },
    GraphDriver: {
      Name: record.driver,
      Data: isWholeTree(record.driver)
        ? { Dir: container.file('rw') }
        : { UpperDir: container.file('rw/upper'), WorkDir: container.file('rw/work') },
    },
    Mounts: record.mounts.map(mount => describeMount(new Volumes(containers), mount)),
    Config: {
      Hostname: record.hostname,
      User: what.user,
      AttachStdin: what.input,
      OpenStdin: what.input,
      Tty: what.terminal,
      Env: what.env,
      Cmd: what.command,
      Entrypoint: what.entrypoint.length > 0 ? what.entrypoint : null,
      Image: record.imageName,
      WorkingDir: what.directory,
      Labels: record.labels,
      StopSignal: record.stopSignal,
    },
  })
}

const NEVER = '0001-01-01T00:00:00Z'

function describeState(state: ContainerState): unknown {
  const runs = state.kind === 'running' || state.kind === 'paused'
  return {
    Status: stateWord(state),
    Running: runs,
    Paused: state.kind === 'paused',
    Restarting: false,
    Dead: state.kind === 'dead',
    Pid: runs ? state.pid : 0,
    ExitCode: state.kind === 'exited' || state.kind === 'created' ? state.code : 0,
    StartedAt: runs || state.kind === 'exited' ? state.startedAt : NEVER,
    FinishedAt: state.kind === 'exited' ? state.finishedAt : NEVER,
  }
}

function describeMount(volumes: Volumes, mount: ContainerMount): unknown {
  const Destination = mount.target
  if (mount.type === 'tmpfs') return { Type: 'tmpfs', Source: '', Destination, RW: true }
  const RW = !mount.readOnly
  if (mount.type === 'bind')
    return { Type: 'bind', Source: mount.source, Destination, RW }
  const { name } = mount
  return { Type: 'volume', Name: name, Source: volumes.data(name), Destination, RW }
}
