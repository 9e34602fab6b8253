"""Applications as data: what construct_tool and peer.cjs build from it is to be the same.

An application: {"context", "tags", "stacks": [stack], "stages": [{"id", "account", "region",
"tags", "stacks"}]}. A stack: {"id", "stackName", "account", "region", "description", "stackTags",
"tags", "boundary", "terminationProtection", "dependsOn", "tree": [node]}. A node: {"kind":
"plain" | "resource" | "parameter" | "condition" | "output", "id", …, "children"}. Values may hold
{"$ref": path}, {"$att": [path, name]}, {"$join": [delimiter, parts]} and others.
"""

import random

IDS = ["Bucket", "Resource", "Topic", "My Thing", "a-b_c.d", "Bücher", "x", "Policy",
       "BucketPolicy", "Handler", "日本", "Ünicode", "0", "Q" * 70, "service@v2", "A", "Res"]
TYPES = {"AWS::SNS::Topic": "TopicName", "AWS::SQS::Queue": "Arn", "AWS::S3::Bucket": "Arn",
         "AWS::Lambda::Function": "Arn", "Custom::Thing": "Data.Name"}


class Maker:
    """One application from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.resources = []  # (path, type, index of its stack)
        self.leaves = []

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def application(self):
        env = {"account": "111122223333", "region": "eu-west-1"} if self.chance(70) else {}
        stacks = [self.stack(number, env) for number in range(self.random.randint(1, 3))]
        for number, stack in enumerate(stacks):
            self.connect(stack["tree"], stack["id"], number)
            self.outputs(stack, number)
        return {"stacks": stacks}

    def stack(self, number, env):
        stack = {"id": self.random.choice(["Stack", "My-Stack", "Net"]) + str(number), **env}
        if self.chance(30):
            stack["stackName"] = f"named-{number}"
        if self.chance(50):
            stack["description"] = "what it is for"
        stack["tree"] = self.tree(stack["id"], number, depth=0)
        self.add(stack["tree"], stack["id"], number, self.resource("Last"))
        return stack

    def resource(self, name):
        node = {"kind": "resource", "id": name, "type": self.random.choice(list(TYPES))}
        if self.chance(20):
            node["removal"] = self.random.choice(["retain", "destroy"])
        return node

    def add(self, nodes, path, stack, node):
        nodes.append(node)
        if node["kind"] == "resource":
            self.resources.append((f"{path}/{node['id']}", node["type"], stack))

    def tree(self, path, stack, depth):
        nodes = []
        names = self.random.sample(IDS, self.random.randint(1, 4))
        # "Default" counts for nothing in a logical id: beside others it is soon taken.
        if depth > 0 and self.chance(15):
            names = ["Default"]
        for name in names:
            # An id that gives no logical id is an error for both.
            is_resource = self.chance(60) and name not in ("Default", "日本")
            node = self.resource(name) if is_resource else {"kind": "plain", "id": name}
            self.add(nodes, path, stack, node)
            if depth < 4 and self.chance(60):
                node["children"] = self.tree(f"{path}/{name}", stack, depth + 1)
            elif is_resource:
                self.leaves.append(f"{path}/{name}")
        return nodes

    def value(self, stack, earlier):
        """Something that refers to a resource that came earlier, so that there are no cycles."""
        path, kind, _ = self.random.choice(earlier)
        reference = {"$ref": path} if self.chance(50) else {"$att": [path, TYPES[kind]]}
        form = self.random.randrange(5)
        if form == 0:
            return {"$join": ["-", ["a", reference, "b", "c"]]}
        if form == 1:
            return {"$sub": ["${Name}-${AWS::Region}", {"Name": reference}]}
        if form == 2:
            return {"Nested": [1, True, 2.5, "text", reference], "Empty": ""}
        return reference

    def connect(self, nodes, path, stack):
        for node in nodes:
            here = f"{path}/{node['id']}"
            self.connect(node.get("children", []), here, stack)
            if node["kind"] != "resource":
                continue
            earlier = self.before(here)
            node["properties"] = {"Name": "literal"}
            if earlier and self.chance(70):
                node["properties"]["Other"] = self.value(stack, earlier)
            # Of what has nothing below, so that there are no cycles.
            leaves = [known for known, _, _ in earlier if known in self.leaves]
            if leaves and self.chance(20):
                node["dependsOn"] = [self.random.choice(leaves)]

    def before(self, path):
        """Those listed before it, of this stack or stacks before: a reference forth is no cycle."""
        paths = [known for known, _, _ in self.resources]
        return self.resources[:paths.index(path)]

    def outputs(self, stack, number):
        own = [known for known in self.resources if known[2] == number]
        for index in range(self.random.randint(0, 2)):
            shown = {"$ref": own[index % len(own)][0]}
            output = {"kind": "output", "id": f"Out{index}", "value": shown}
            if self.chance(40):
                output["exportName"] = f"{stack['id']}-export-{index}"
            stack["tree"].append(output)
