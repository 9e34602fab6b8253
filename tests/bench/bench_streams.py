def measure(load, aphex, work, rounds):
    return []
