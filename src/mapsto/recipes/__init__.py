"""Recipes: functions of plain values, each of which returns a frame with settings that reach a stated result.

Every recipe takes `data_dir` and `seed`; `where.below` says where it looks. To add one: write the file, add its line.
"""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    digits="image.digits",
    mnist_mlp="image.mnist_mlp",
    mnist_lenet="image.mnist_lenet",
    mnist_autoencoder="image.mnist_autoencoder",
    mnist_vae="image.mnist_vae",
    mnist_gan="image.mnist_gan",
    cats_dogs_linear="image.cats_dogs_linear",
    cats_dogs_lenet="image.cats_dogs_lenet",
    cats_dogs_resnet="image.cats_dogs_resnet",
    mnist_sets="image.mnist_sets",
    mnist_diffusion="image.mnist_diffusion",
    mnist_words="image.mnist_words",
    blood_cells="image.blood_cells",
    california_housing="table.california_housing",
    titanic="table.titanic",
    mr_sentences="text.mr_sentences",
    nsmc="text.nsmc",
    multi30k_gru="text.multi30k",
    multi30k_attention="text.multi30k",
    multi30k_transformer="text.multi30k",
    shakespeare_gpt="text.shakespeare_gpt",
    english_tags="text.english_tags",
    chinese_tags="text.chinese_tags",
    nsmc_words="text.nsmc_words",
    nsmc_few="text.nsmc_few",
    cora_gcn="graph.cora_gcn",
    cora_gat="graph.cora_gat",
    cora_mlp="graph.cora_mlp",
    cora_links="graph.cora_links",
    citeseer_gcn="graph.citeseer_gcn",
    mutag_gin="graph.mutag_gin",
    cart_pole_ppo="acting.cart_pole",
    cart_pole_reinforce="acting.cart_pole",
    acrobot_ppo="acting.acrobot",
    pendulum_ppo="acting.pendulum",
    cart_pole_dqn="acting.cart_pole_dqn",
)
