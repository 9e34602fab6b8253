"""One node of Kubernetes as processes: etcd, API server, controllers, scheduler, containerd,
kubelet, kube-proxy. It lives in a network namespace of its own, in which it is 10.240.0.1, and in
which nothing leads outside. See README.md.
"""

import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from cluster_fixtures import (  # noqa: E402
    NotStarted, Server, certificate, new_key, pem, write_authority, write_kubeconfig, write_public)
from kube_api import Api  # noqa: E402
import oci_archive  # noqa: E402

NAME = "node"
ADDRESS = "10.240.0.1"
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
PORT = 6443
ETCD_PORT = 2379
PAUSE = "localhost/aphex-pause:1"
KUBELET = "/var/lib/kubelet"
SOCKET = "/run/containerd/containerd.sock"
LOGS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet",
        "kube-proxy")
ACCOUNTS = {  # name of a program: user and groups, as a cluster's administrator makes them
    "administrator": ("administrator", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
}
# What the kubelet wants of the whole machine. It writes it, unless it finds it there.
KERNEL = {"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10",
          "kernel/panic_on_oops": "1", "kernel/keys/root_maxkeys": "1000000",
          "kernel/keys/root_maxbytes": "25000000"}


def printed(script, *arguments):
    """The directory that a script of this folder has filled."""
    done = subprocess.run([script, *arguments, "--print"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise NotStarted(done.stderr.strip())
    return pathlib.Path(done.stdout.strip())


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def prepare_mounts(state):
    """In a mount namespace of our own: what programs find at fixed places is ours."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name, place in (("pod-logs", "/var/log"), ("kubelet", KUBELET)):
        (state / name).mkdir(exist_ok=True)
        mount("--bind", state / name, place)
    for name, value in KERNEL.items():
        setting = pathlib.Path("/proc/sys", name)
        if setting.exists():
            file = state / name.replace("/", "-")
            file.write_text(f"{value}\n", encoding="utf-8")
            mount("--bind", file, setting)


def prepare_network(tool):
    """A bridge without ports, because not every kernel has links of the type dummy."""
    for words in ("link set lo up", "link add node0 type bridge",
                  f"addr add {ADDRESS}/24 dev node0", "link set node0 up",
                  f"route add {SERVICES} dev node0"):
        tool("ip", *words.split())
    for name in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
        setting = pathlib.Path("/proc/sys/net", name)
        if setting.exists():  # the second where the module is loaded
            setting.write_text("1", encoding="utf-8")


class Node(Server):
    def __init__(self, state, cgroup):
        self.directory = state
        self.cgroup = cgroup
        self.processes = {}
        self._etcd_port = ETCD_PORT
        self.server = printed(HERE.parent / "build")
        self.binaries = printed(HERE.parent / "build", "node")
        self.packages = printed(HERE / "unpack")
        self.tokens = {name: f"{name}-{os.urandom(16).hex()}" for name in ACCOUNTS}
        self.version = self.binaries.parent.name.split("-")[1]
        self.seconds = 0.0

    # --- programs ---

    @property
    def environment(self):
        root = self.packages
        libraries = [str(path) for path in (*root.glob("usr/lib/*-linux-gnu"),
                                            *root.glob("lib/*-linux-gnu"))]
        folders = [root / each for each in ("usr/sbin", "usr/bin", "sbin", "bin")]
        path = ":".join([*map(str, folders), os.environ["PATH"], "/usr/sbin:/sbin"])
        extensions = next(root.glob("usr/lib/*/xtables"))
        return {"PATH": path, "LD_LIBRARY_PATH": ":".join(libraries), "HOME": "/root",
                "XTABLES_LIBDIR": str(extensions)}

    def tool(self, *words):
        done = subprocess.run(list(map(str, words)), env=self.environment, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise NotStarted(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def _spawn(self, name, *flags):
        for folder in (self.server, self.binaries, self.packages / "usr/bin"):
            if (folder / name).exists():
                break
        with open(self.directory / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [folder / name, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd=self.directory, env=self.environment, start_new_session=True)

    # --- files ---

    def _write_keys(self):
        here = self.directory
        authority, key = write_authority(here)
        self.ca_pem = (here / "ca.pem").read_text(encoding="utf-8")
        addresses = ["localhost", "kubernetes.default.svc", ipaddress.ip_address("127.0.0.1"),
                     ipaddress.ip_address(ADDRESS), ipaddress.ip_address(KUBERNETES_SERVICE)]
        for name, options in {
                "server": {"addresses": addresses},
                # The API server, to the kubelet that it asks for logs.
                "client": {"organization": "system:masters"}}.items():
            own = new_key()
            write_public(here / f"{name}.pem",
                         certificate(f"aphex-node-{name}", own, authority, key, **options))
            (here / f"{name}.key").write_bytes(pem(own))
        (here / "ca.key").write_bytes(pem(key))
        (here / "service-account.key").write_bytes(pem(new_key()))

    def _write_accounts(self):
        lines = [f'{self.tokens[name]},{user},{user},"{groups}"'
                 for name, (user, groups) in ACCOUNTS.items()]
        (self.directory / "tokens.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        cluster = {"server": f"https://{ADDRESS}:{PORT}",
                   "certificate-authority": str(self.directory / "ca.pem")}
        for name, token in self.tokens.items():
            write_kubeconfig(self._kubeconfig(name), cluster, {"token": token})

    def _kubeconfig(self, name):
        return self.directory / f"{name}.kubeconfig"

    @property
    def kubeconfig(self):
        """The administrator's."""
        return self._kubeconfig("administrator")

    def _write(self, name, content):
        path = self.directory / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    def _write_containerd(self):
        networks = self.directory / "cni"
        networks.mkdir(exist_ok=True)
        self._write("cni/10-pods.conflist", {
            "cniVersion": "0.4.0", "name": "pods", "plugins": [
                {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "ipMasq": False,
                 "hairpinMode": True,
                 "ipam": {"type": "host-local", "dataDir": str(self.directory / "addresses"),
                          "ranges": [[{"subnet": PODS}]]}},
                {"type": "portmap", "capabilities": {"portMappings": True}}]})
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        # Some machines do not let even root lower a process's score (no CAP_SYS_RESOURCE).
        return self._write("containerd.toml", f"""version = 2
root = "{self.directory}/containerd"
state = "/run/containerd/state"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.directory}/containerd-opt"
{cri}]
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
{cri}.cni]
  bin_dir = "{self.packages}/usr/lib/cni"
  conf_dir = "{networks}"
{cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
{cri}.containerd.runtimes.runc.options]
  BinaryName = "{self.packages}/usr/sbin/runc"
  SystemdCgroup = false
""")

    def _write_kubelet(self):
        return self._write("kubelet.yaml", {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{self.cgroup}",
            "oomScoreAdj": 0, "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "address": ADDRESS, "healthzBindAddress": "127.0.0.1",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": str(self.directory / "ca.pem")}},
            "authorization": {"mode": "Webhook"},
            # No names: in here is nobody to be asked for any.
            "resolvConf": str(self._write("resolv.conf", "")),
            "failSwapOn": False, "imageGCHighThresholdPercent": 100, "syncFrequency": "10s",
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%",
                             "imagefs.available": "1%"}})

    def _write_proxy(self):
        return self._write("kube-proxy.yaml", {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
            "mode": "iptables", "hostnameOverride": NAME, "clusterCIDR": PODS, "oomScoreAdj": 0,
            "clientConnection": {"kubeconfig": str(self._kubeconfig("kube-proxy"))},
            # Settings of the whole machine, which only its first network namespace may change.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s",
                          "tcpCloseWaitTimeout": "0s"}})

    # --- start ---

    def start(self, images=()):
        begun = time.monotonic()
        self._write_keys()
        self._write_accounts()
        self._make_cgroups()
        self._spawn("containerd", "--config", self._write_containerd())
        super().start()
        self.admin = Api(f"https://127.0.0.1:{PORT}", self.ca_pem, self.tokens["administrator"])
        self.wait_until(lambda: self._answers("/readyz"), "kube-apiserver")
        self._spawn("kube-controller-manager", *self._controller_flags())
        self._spawn("kube-scheduler", *self._own("kube-scheduler"), "--leader-elect=false",
                    "--bind-address=127.0.0.1")
        self.wait_until(lambda: pathlib.Path(SOCKET).exists(), "containerd")
        self._import([self._pause_image(), *images])
        self._spawn("kubelet", f"--config={self._write_kubelet()}", f"--root-dir={KUBELET}",
                    f"--kubeconfig={self._kubeconfig('kubelet')}", f"--hostname-override={NAME}",
                    f"--node-ip={ADDRESS}")
        self._spawn("kube-proxy", f"--config={self._write_proxy()}")
        self.wait_until(self._is_ready, "kubelet")
        self.seconds = time.monotonic() - begun

    def _own(self, name):
        file = self._kubeconfig(name)
        return [f"--{each}kubeconfig={file}" for each in ("", "authentication-", "authorization-")]

    def _server_flags(self):
        here = self.directory
        return [
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}", "--bind-address=0.0.0.0",
            f"--secure-port={PORT}", f"--advertise-address={ADDRESS}",
            f"--service-cluster-ip-range={SERVICES}", "--allow-privileged=true",
            f"--tls-cert-file={here}/server.pem", f"--tls-private-key-file={here}/server.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={here}/service-account.key",
            f"--service-account-signing-key-file={here}/service-account.key",
            f"--token-auth-file={here}/tokens.csv", "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-client-certificate={here}/client.pem",
            f"--kubelet-client-key={here}/client.key",
            "--kubelet-preferred-address-types=InternalIP", "--profiling=false",
        ]

    def _controller_flags(self):
        here = self.directory
        return [
            *self._own("kube-controller-manager"), "--bind-address=127.0.0.1",
            "--leader-elect=false", "--use-service-account-credentials=true",
            f"--root-ca-file={here}/ca.pem",
            f"--service-account-private-key-file={here}/service-account.key",
            f"--cluster-signing-cert-file={here}/ca.pem",
            f"--cluster-signing-key-file={here}/ca.key",
        ]

    def _answers(self, path):
        try:
            return self.admin.send("GET", path)[0] == 200
        except OSError:
            return False

    def _make_cgroups(self):
        """The kubelet makes everything below this group, but not the group."""
        top = pathlib.Path("/sys/fs/cgroup")
        if (top / "cgroup.controllers").exists():
            (top / self.cgroup).mkdir(exist_ok=True)
            return
        for hierarchy in top.iterdir():
            if hierarchy.is_dir() and not hierarchy.is_symlink():
                (hierarchy / self.cgroup).mkdir(exist_ok=True)
        # A group of processors begins empty, and then takes nobody in.
        for name in ("cpuset.cpus", "cpuset.mems"):
            for parent in top.glob(f"cpuset*/{name}"):
                (parent.parent / self.cgroup / name).write_text(parent.read_text())

    def _pause_image(self):
        root = self.directory / "pause"
        root.mkdir()
        self.tool("gcc", "-static", "-Os", "-s", "-o", root / "pause", HERE / "pause.c")
        archive = self.directory / "pause.tar"
        oci_archive.write(root, archive, PAUSE, Entrypoint=["/pause"])
        return archive

    def _import(self, archives):
        for archive in archives:
            self.tool("ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import",
                      archive)

    def _is_ready(self):
        code, text = self.admin.send("GET", f"/api/v1/nodes/{NAME}")
        if code != 200:
            return False
        conditions = json.loads(text)["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
